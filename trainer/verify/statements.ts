import { endOfFirstBox, lastBox } from './boxes.ts';
import { plainText } from './plain-text.ts';

/** A place where a text states its answer. `content` is undefined where the statement breaks off before the answer. */
export interface Statement {
  readonly at: number;
  /** Where a marker ends. */
  readonly end?: number | undefined;
  readonly content: string | undefined;
}

/**
 * The last `#### ...` or `\boxed{...}` (also `\fbox`) of a text. A `####` line that is no answer and has text after it is a heading; an
 * empty box is none.
 */
export function lastMarker(text: string, isAnswer: (content: string) => boolean): Statement | undefined {
  const [hash, box] = [lastHash(text, isAnswer), lastBox(text)];
  if (hash === undefined || box === undefined) return hash ?? box;
  return hash.at > box.at ? hash : box;
}

/**
 * Where the first marker that is complete ends, so that no text behind it can change it: the newline after `#### 42`, the brace that
 * closes `\\boxed{42}`. Texts that begin the same way and have one agree on it.
 */
export function endOfFirstMarker(text: string, isAnswer: (content: string) => boolean): number | undefined {
  const hash = [...text.matchAll(/(?<!#)####(?!#)([^\n]*)\n/g)].find(({ 1: content = '' }) => isAnswer(content.trim()));
  const ends = [endOfFirstBox(text), hash === undefined ? undefined : hash.index + hash[0].length];
  const known = ends.filter((end) => end !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}

/**
 * The last `the answer is ...` or `answer: ...` of a text, unless it is negated: up to the end of the sentence, or the next line where the
 * first one says nothing.
 *
 * @param nouns what is called an answer, with the flag g
 * @param counts whether a sentence behind a noun, from the place `at` on, is a statement of the answer
 */
export function lastPhrase(
  text: string,
  nouns: RegExp,
  counts: (noun: string, content: string, at: number) => boolean,
): Statement | undefined {
  for (const { 0: noun, index: at } of [...text.matchAll(nouns)].reverse()) {
    VERB.lastIndex = at + noun.length;
    const verb = VERB.exec(text);
    if (verb === null || /\b(?:not|never|cannot|because|since)\b|n't/i.test(verb[0])) continue;
    const start = verb.index + verb[0].length;
    const rest = text.slice(start, start + LONGEST_STATEMENT);
    if (rest.trim() === '') return { at, content: undefined };
    const content = sentence(rest);
    if (content !== undefined && !/^not\b/i.test(content) && counts(noun, content, start)) return { at, content };
  }
  return undefined;
}

/** Answers are shorter; to look at the whole rest of a text for each of many phrases would take long. */
const LONGEST_STATEMENT = 4000;
const VERB = /["'*_`\s]*(?:[:=]|[^.\n:=?!]{0,60}?\b(?:is|are|was|be|equals)\b)["'*_`]*\s*[:=]?/y;

function lastHash(text: string, isAnswer: (content: string) => boolean): Statement | undefined {
  const places = [...text.matchAll(/(?<!#)####(?!#)/g)].map(({ index }) => index);
  for (const [i, at] of [...places.entries()].reverse()) {
    const next = places[i + 1] ?? text.length;
    const newline = text.indexOf('\n', at);
    const end = newline === -1 ? next : Math.min(newline, next);
    const content = text.slice(at + 4, end).trim();
    const isLast = text.slice(end).trim() === '';
    if (content === '' && isLast) return { at, content: undefined };
    if (content !== '' && (isLast || isAnswer(content))) return { at, end, content };
  }
  return undefined;
}

/** The first sentence, from the first line that says anything. `E. coli` does not end one. */
function sentence(text: string): string | undefined {
  const line = text.split('\n', 4).find((candidate) => SAYS_SOMETHING.test(plainText(candidate)));
  const end = line === undefined ? -1 : line.search(/(?<!\\|\b[A-Z](?=\. \p{Ll}))[.!?](?=["'*_)\]}$]*(?:\s|$))/u);
  // Emphasis that began before the sentence: `**Answer: 42**`.
  const content = (end === -1 ? line : line?.slice(0, end))?.trim().replace(/^([^*]*[^*\s])\s*\*+$/, '$1');
  return content !== undefined && SAYS_SOMETHING.test(content) ? content : undefined;
}

const SAYS_SOMETHING = /[\p{L}\p{N}]/u;
