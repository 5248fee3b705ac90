/** Markup that is safe to put into a page: made by `html` from literals and escaped values only, or by `trusted`. */
export interface Html {
  readonly markup: string;
}

/** What a template may hold. Strings and numbers are escaped; undefined and false leave nothing. */
export type Fragment = Html | string | number | undefined | false | readonly Fragment[];

/**
 * Template tag for markup in which every value is escaped, so that no text from a data set can become an element or an attribute.
 * Values belong in text or inside a quoted attribute.
 *
 * @example html`<td title="${token.text}">${token.text}</td>`
 */
export function html(literals: TemplateStringsArray, ...values: readonly Fragment[]): Html {
  let markup = literals[0] ?? '';
  values.forEach((value, i) => {
    markup += render(value) + (literals[i + 1] ?? '');
  });
  return { markup };
}

/** Markup from our own constants: the style sheet, the script. Never for anything read from a file. */
export function trusted(markup: string): Html {
  return { markup };
}

/**
 * Data for the page's script, inside `<script type="application/json">`. `<` is written as an escape, so that neither `</script>` nor
 * `<!--` can occur; JSON.parse reads the same value back.
 */
export function jsonData(value: unknown): Html {
  return { markup: JSON.stringify(value).replaceAll('<', '\\u003c') };
}

/** The five characters that mean something in text or in a quoted attribute, as references. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => REFERENCES[character] ?? character);
}

const REFERENCES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function render(value: Fragment): string {
  if (value === undefined || value === false) return '';
  if (typeof value === 'string') return escapeHtml(value);
  if (typeof value === 'number') return String(value);
  if ('markup' in value) return value.markup;
  return value.map(render).join('');
}
