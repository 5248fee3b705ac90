import type { Tokenizer } from './tokenizer.ts';

/** Where a token's characters stand in a text, as places in a JavaScript string; `end` is the place after the last one. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/**
 * The text of a list of ids, and where each of them stands in it. A character that is spread over several tokens belongs to each of them; a
 * token that leaves no text (a skipped special token) has an empty span. Costs a decoding of the list up to each of its tokens.
 *
 * @example tokenSpans(tokenizer, tokenizer.encode('Hello world')); // { text: 'Hello world', spans: [{ start: 0, end: 5 }, { start: 5, end: 11 }] }
 */
export function tokenSpans(
  tokenizer: Pick<Tokenizer, 'decode'>,
  ids: readonly number[],
  options: { readonly skipSpecialTokens?: boolean } = {},
): { readonly text: string; readonly spans: readonly Span[] } {
  const text = tokenizer.decode(ids, options);
  let start = 0;
  const spans = ids.map((_, i): Span => {
    const soFar = tokenizer.decode(ids.slice(0, i + 1), options);
    const whole = commonLength(soFar, text);
    // The beginning of a character whose end is in a later token reads as U+FFFD.
    const end = soFar.length > whole ? characterEnd(text, whole) : whole;
    const span = { start: Math.min(start, end), end };
    start = whole;
    return span;
  });
  return { text, spans };
}

function commonLength(a: string, b: string): number {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length++;
  return length;
}

function characterEnd(text: string, start: number): number {
  const code = text.codePointAt(start);
  return code === undefined ? start : start + (code > 0xffff ? 2 : 1);
}
