/** A template in parts: text as it stands, and names to be filled in. */
export type TemplatePart = { readonly text: string } | { readonly name: string };

/**
 * Takes a prompt template apart. `{name}` is a placeholder; `{{` and `}}` stand for single braces; braces around anything that can't be a
 * name, such as `\boxed{}`, stay as they are.
 *
 * @example parseTemplate('{question}\n') // [{ name: 'question' }, { text: '\n' }]
 */
export function parseTemplate(template: string): TemplatePart[] {
  const parts: TemplatePart[] = [];
  let text = '';
  let end = 0;
  for (const match of template.matchAll(/\{\{|\}\}|\{([\p{L}_][\p{L}\p{N}_.-]*)\}/gu)) {
    text += template.slice(end, match.index);
    end = match.index + match[0].length;
    if (match[1] === undefined) text += match[0].charAt(0);
    else {
      if (text !== '') parts.push({ text });
      text = '';
      parts.push({ name: match[1] });
    }
  }
  text += template.slice(end);
  if (text !== '') parts.push({ text });
  return parts;
}

/** The template's text with each name replaced by its value; values are not looked into for placeholders. */
export function renderTemplate(parts: readonly TemplatePart[], value: (name: string) => string): string {
  return parts.map((part) => ('text' in part ? part.text : value(part.name))).join('');
}
