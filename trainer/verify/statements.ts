import { plainText } from './plain-text.ts';

/** A place where a text states its answer. `content` is undefined where the statement breaks off before the answer. */
export interface Statement {
  readonly at: number;
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
  const ends = [...text.matchAll(BOX)].flatMap(({ 0: box, index }) => {
    const start = index + box.length;
    const content = text[start] === '{' ? braced(text.slice(0, start + LONGEST_BOX), start) : undefined;
    return content === undefined || content.trim() === '' ? [] : [start + content.length + 2];
  });
  if (hash !== undefined) ends.push(hash.index + hash[0].length);
  return ends.length === 0 ? undefined : Math.min(...ends);
}

/**
 * The last `the answer is ...` or `answer: ...` of a text, unless it is negated: up to the end of the sentence, or the next line where the
 * first one says nothing.
 *
 * @param nouns what is called an answer, with the flag g
 * @param counts whether a sentence behind a noun is a statement of the answer
 */
export function lastPhrase(
  text: string,
  nouns: RegExp,
  counts: (noun: string, content: string) => boolean,
): Statement | undefined {
  for (const { 0: noun, index: at } of [...text.matchAll(nouns)].reverse()) {
    VERB.lastIndex = at + noun.length;
    const verb = VERB.exec(text);
    if (verb === null || /\b(?:not|never|cannot)\b|n't/i.test(verb[0])) continue;
    const rest = text.slice(verb.index + verb[0].length);
    if (rest.trim() === '') return { at, content: undefined };
    const content = sentence(rest);
    if (content !== undefined && !/^not\b/i.test(content) && counts(noun, content)) return { at, content };
  }
  return undefined;
}

const LONGEST_BOX = 1000;
const BOX = /\\(?:boxed|fboxed|fbox)(?![A-Za-z])\s*/g;

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
    if (content !== '' && (isLast || isAnswer(content))) return { at, content };
  }
  return undefined;
}

function lastBox(text: string): Statement | undefined {
  for (const { 0: box, index: at } of [...text.matchAll(BOX)].reverse()) {
    const start = at + box.length;
    const content =
      text[start] === '{' ? braced(text, start) : /^[^\s{}$\\]*/.exec(text.slice(start, start + 100))?.[0];
    if (content?.trim() !== '') return { at, content: content?.trim() };
  }
  return undefined;
}

/** The content of the braces that open at `start`, or undefined when they never close. */
function braced(text: string, start: number): string | undefined {
  let depth = 0;
  for (let i = start; i < text.length; i++) {
    if (text[i] === '\\') i++;
    else if (text[i] === '{') depth++;
    else if (text[i] === '}' && --depth === 0) return text.slice(start + 1, i);
  }
  return undefined;
}

/** The first sentence, from the first line that says anything. */
function sentence(text: string): string | undefined {
  const line = text.split('\n', 4).find((candidate) => SAYS_SOMETHING.test(plainText(candidate)));
  const end = line === undefined ? -1 : line.search(/[.!?](?=["'*_)\]}$]*(?:\s|$))/);
  const content = (end === -1 ? line : line?.slice(0, end))?.trim();
  return content !== undefined && SAYS_SOMETHING.test(content) ? content : undefined;
}

const SAYS_SOMETHING = /[\p{L}\p{N}]/u;
