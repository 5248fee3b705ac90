import { concatBytes } from './byte-level.ts';
import type { Tokenizer } from './tokenizer.ts';

const encoder = new TextEncoder();

/** Where a token's characters stand in a text, as places in a JavaScript string; `end` is the place after the last one. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/**
 * The text of a list of ids, and where each of them stands in it. A character that is spread over several tokens belongs to each of them; a
 * token that leaves no text (a skipped special token) has an empty span.
 *
 * @example tokenSpans(tokenizer, tokenizer.encode('Hello world')); // { text: 'Hello world', spans: [{ start: 0, end: 5 }, { start: 5, end: 11 }] }
 */
export function tokenSpans(
  tokenizer: Pick<Tokenizer, 'decode' | 'tokenText'>,
  ids: readonly number[],
  options: { readonly skipSpecialTokens?: boolean } = {},
): { readonly text: string; readonly spans: readonly Span[] } {
  const text = tokenizer.decode(ids, options);
  return {
    text,
    spans: spansOfTexts(ids.map(tokenizer.tokenText), text) ?? spansByDecoding(tokenizer, ids, options, text),
  };
}

/**
 * Where tokens stand in the text that they make, by the text of each for a reader's eye (`tokenText`), without their tokenizer.
 *
 * @returns spans as those of {@link tokenSpans}; undefined where the texts don't make up the whole, as with bytes that are no character
 * @example spansOfTexts([' 4', '<0xE2>', '<0x82>', '<0xAC>', '</s>'], '4€'); // [0, 1], [1, 2], [1, 2], [1, 2], [2, 2]
 */
export function spansOfTexts(texts: readonly string[], text: string): Span[] | undefined {
  return layOut(texts, text) ?? layOut(withoutFirstSpace(texts), text);
}

/** SentencePiece's tokenizers put a space before a text, and take it away when they decode. */
function withoutFirstSpace(texts: readonly string[]): string[] {
  const first = texts.findIndex((piece) => piece.startsWith(' '));
  return texts.map((piece, t) => (t === first ? piece.slice(1) : piece));
}

function layOut(texts: readonly string[], text: string): Span[] | undefined {
  const bytes = encoder.encode(text);
  const characters = charactersOfBytes(text);
  let at = 0;
  const spans = texts.map((piece): Span => {
    const start = characters[at]?.start ?? text.length;
    const found = [encoder.encode(piece), bytesOf(piece)].find((part) =>
      part.every((byte, i) => bytes[at + i] === byte),
    );
    at += found?.length ?? 0;
    return { start, end: found?.length ? (characters[at - 1] as Span).end : start };
  });
  return at === bytes.length ? spans : undefined;
}

/** The character that each byte of a text belongs to. */
function charactersOfBytes(text: string): Span[] {
  const characters: Span[] = [];
  let start = 0;
  for (const character of text) {
    const span = { start, end: start + character.length };
    for (let left = encoder.encode(character).length; left > 0; left--) characters.push(span);
    start = span.end;
  }
  return characters;
}

/** A token's bytes, of which those that are no whole character are written as `<0xE4>`. */
function bytesOf(piece: string): Uint8Array {
  const parts = piece.split(/<0x([0-9A-F]{2})>/);
  return concatBytes(
    parts.map((part, i) => (i % 2 === 1 ? Uint8Array.of(Number.parseInt(part, 16)) : encoder.encode(part))),
  );
}

/** For any decoder: a token stands where the text goes on when the list is decoded up to it. */
function spansByDecoding(
  { decode }: Pick<Tokenizer, 'decode'>,
  ids: readonly number[],
  options: { readonly skipSpecialTokens?: boolean },
  text: string,
): Span[] {
  let start = 0;
  return ids.map((_, i): Span => {
    const soFar = decode(ids.slice(0, i + 1), options);
    const whole = commonLength(soFar, text);
    // The beginning of a character whose end is in a later token reads as U+FFFD.
    const end = soFar.length > whole ? characterEnd(text, whole) : whole;
    const span = { start: Math.min(start, end), end };
    start = whole;
    return span;
  });
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
