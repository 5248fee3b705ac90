import { LITERAL_MARK, withoutMarks } from './tokenizer.ts';

/** A token that is found in the text before the model sees it. */
export interface AddedToken {
  readonly id: number;
  readonly content: string;
  readonly special: boolean;
  readonly normalized: boolean;
  readonly singleWord: boolean;
  readonly lstrip: boolean;
  readonly rstrip: boolean;
}

/** A stretch of plain text, or an added token found in it. `start` is where it began in the text that was split. */
export type Section = { readonly text: string; readonly start: number } | { readonly token: AddedToken };

/** Splits text at the added tokens: the leftmost one, and of several at one place the longest. */
export type AddedTokenSplitter = (text: string) => Section[];

const WORD = /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]/u;

/** @param contents what to look for, with its token: after normalization the content of a token can differ from the token's own */
export function createSplitter(contents: ReadonlyMap<string, AddedToken>): AddedTokenSplitter {
  const pattern = alternatives([...contents.keys()]);
  if (pattern === undefined) return (text) => (text === '' ? [] : [{ text, start: 0 }]);
  return (text) => {
    const out: Section[] = [];
    let end = 0;
    for (const match of text.matchAll(pattern)) {
      const token = contents.get(match[0]) as AddedToken;
      const after = match.index + match[0].length;
      if (token.singleWord && !standsAlone(text, match.index, after)) continue;
      let left = match.index;
      let right = after;
      if (token.lstrip) left -= text.slice(end, left).length - text.slice(end, left).trimEnd().length;
      if (token.rstrip) right += text.length - right - text.slice(right).trimStart().length;
      if (match.index < end) continue;
      if (left > end) out.push({ text: text.slice(end, left), start: end });
      out.push({ token });
      end = right;
    }
    if (end < text.length) out.push({ text: text.slice(end), start: end });
    return out;
  };
}

/** A function that puts a mark into each special token written out in a text, so that no splitter finds it. */
export function createLiteral(special: readonly string[]): (text: string) => string {
  const pattern = alternatives(special);
  return (text) => {
    const clean = withoutMarks(text);
    if (pattern === undefined) return clean;
    return clean.replace(pattern, (found) => {
      const head = String.fromCodePoint(found.codePointAt(0) as number);
      return head + LITERAL_MARK + found.slice(head.length);
    });
  };
}

function alternatives(contents: readonly string[]): RegExp | undefined {
  const usable = contents.filter((content) => content !== '').sort((a, b) => b.length - a.length);
  if (usable.length === 0) return undefined;
  return new RegExp(usable.map((content) => escapePattern(content)).join('|'), 'gu');
}

function standsAlone(text: string, start: number, end: number): boolean {
  const before = Array.from(text.slice(Math.max(0, start - 2), start)).at(-1) ?? '';
  const after = Array.from(text.slice(end, end + 2))[0] ?? '';
  return !WORD.test(before) && !WORD.test(after);
}

function escapePattern(content: string): string {
  return content.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');
}
