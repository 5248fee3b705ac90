import { CftError } from '../../crds/errors.ts';
import { momentOf } from './calendar.ts';
import { formulaAtEnd, formulasIn, wholeFormula } from './formulas.ts';
import { plainText } from './plain-text.ts';
import { mentions, parseQuantity, type Quantity } from './quantity.ts';
import { lastMarker, lastPhrase } from './statements.ts';

/** A stated answer: its text, and its number where it is one number. */
export interface FinalAnswer {
  readonly text: string;
  readonly quantity: Quantity | undefined;
  /** The text is a piece of something that was not understood: it equals nothing but the same text. */
  readonly isPart?: boolean;
}

/**
 * The final answer of a response. Precedence:
 *
 * 1. `#### 42` and `\boxed{42}` (also `\fbox`): of all of them the last. A `####` line that is no number and has text after it is a heading.
 * 2. `the answer is 42`, `answer: 42`, a last line `A: 42`: the last. A `final answer is 42` counts behind a box as well.
 * 3. a formula that the response consists of, or ends with but for some words: `so $x = \\frac{1}{2}$ is the solution.`
 * 4. the last number. A response that is nothing but a number is read as a whole.
 * 5. a response of one short line without any number.
 *
 * What a higher rule finds counts even where it is not a number: `\boxed{x+1}` is not overruled by some number before it. A statement that
 * breaks off (`\boxed{4` or `####` at the end) is no answer. A response that ends by asking how many there are, as one that repeats its
 * question does, answers by rules 1 and 2 only.
 *
 * @param read readNumber, or something that remembers what it says
 */
export function responseAnswer(text: string, read = readNumber): FinalAnswer | undefined {
  const response = withoutBrokenWords(text);
  const statement = marked(response, read);
  if (statement !== undefined) return statement.answer;
  if (ASKS.test(response)) return undefined;
  const isListItem = /^\s*[-−–*•]\s/.test(response);
  const whole = isListItem ? undefined : read(response);
  if (whole !== undefined) return { text: response.trim(), quantity: whole };
  const formula = wholeFormula(response);
  if (formula !== undefined) return { text: formula, quantity: read(formula) };
  const end = formulaAtEnd(response);
  if (end?.isDenied) return { text: end.formula, quantity: undefined, isPart: true };
  if (end !== undefined) return { text: end.formula, quantity: read(end.formula) };
  const last = mentions(response).at(-1);
  if (last === undefined) return shortText(response);
  const quantity = last.quantity();
  return { text: last.text, quantity, isPart: quantity === undefined };
}

/**
 * The final answer of a reference, which is the answer alone, a sentence with it, or a worked solution that marks it as rules 1 and 2 of
 * {@link responseAnswer} say. Of an unmarked text with several numbers none is picked.
 *
 * @throws CftError InvalidRecord for an empty reference, and for a long one that does not mark its answer
 */
export function referenceAnswer(reference: string): FinalAnswer {
  const text = withoutBrokenWords(reference.trim());
  if (text === '') throw new CftError('InvalidRecord', 'the reference answer is empty', { value: reference });
  const whole = readNumber(text);
  if (whole !== undefined) return { text, quantity: whole };
  const stated = marked(text)?.answer;
  if (stated !== undefined) return stated;
  // Several lines of formulas are an answer, if an unusual one; GSM8K's calculator notes tell that it is a solution.
  const isFormula = /\\begin|\\\[|\$\$|\$[^$\n]*[\\^_=][^$\n]*\$/.test(text) && !text.includes('<<');
  if ((isFormula || !text.includes('\n')) && text.length <= LONGEST_TEXT_ANSWER)
    return { text, quantity: momentOf(text) === undefined ? loneNumber(text) : undefined };
  throw new CftError('InvalidRecord', 'the reference answer is a text that does not mark its final answer', {
    value: text.slice(0, 200),
    hint: 'end it with a line `#### 42`, or put the answer into \\boxed{}, or give the final answer alone',
  });
}

/** `\text{ square units}` on one line. */
function withoutBrokenWords(text: string): string {
  return text.replace(/\\text\s*\{[^{}]*\}/g, (words) => words.replace(/\s+/g, ' '));
}

/** Equal as texts: without LaTeX and Markdown dress, final period, and differences in case of words and in spaces. */
export function sameText(a: string, b: string): boolean {
  const form = textForm(a);
  return form !== '' && form === textForm(b);
}

const ANSWER = /(?<!\b(?:wrong|incorrect|false)\s)\banswers?\b|(?<=(?:^|\n)[ \t]*)A(?=:[^\n]*\s*$)/gi;
const ASKS = /(?<![^\s.!?])(?:how|what|which|when|where|who)\b(?:[^.!?\n]|\.(?=\d)){0,300}\?[\s"'*_)\]$]*$/i;
const FINAL_ANSWER = /\bfinal answer\b/gi;
const LONGEST_TEXT_ANSWER = 2000;
const HEDGED =
  /\b[A-Za-z]\s*[-−]\s*\d|\d\s*[-−/]\s*[A-Za-z]\b|[<>≤≥±=+*^√\\|]|\d\s*!|\d_|[\p{L})}]\s*\/\s*\d|[A-Za-z]\(|[([][^()[\]]*,[^()[\]]*[)\]]|\b(?:not|no|never|least|most|more than|less than|fewer|greater|between|under|over|above|below|almost|nearly|or|cannot)\b|n't/iu;
const REASON =
  /\s+(?:because|since|as|which|so|given|after)\b|,\s+(?:which|because|since|so|as|where|that|given|after|not)\b|;/;

/** The number that a text is; days and times (`9 am`) are none. */
export function readNumber(text: string): Quantity | undefined {
  return momentOf(text) === undefined ? parseQuantity(text) : undefined;
}

/** Whether the text of a marker is one number. */
export function isNumber(content: string): boolean {
  return readNumber(withoutLabel(content)) !== undefined;
}

/** What the text marks as its answer (rules 1 and 2); `answer` is undefined where it broke off. */
function marked(text: string, readText = readNumber): { answer: FinalAnswer | undefined } | undefined {
  const read = (content: string) => readText(withoutLabel(content));
  const marker = lastMarker(text, (content) => read(content) !== undefined);
  const phrase =
    marker === undefined
      ? lastPhrase(text, ANSWER, () => true)
      : lastPhrase(text.slice(marker.end), FINAL_ANSWER, (_, content) => stated(content) !== undefined);
  if (phrase?.content !== undefined)
    return { answer: { text: said(phrase.content), quantity: stated(phrase.content) } };
  if (phrase !== undefined && marker === undefined) return { answer: undefined };
  if (marker === undefined) return undefined;
  const { content } = marker;
  return { answer: content === undefined ? undefined : { text: withoutLabel(content), quantity: read(content) } };
}

function stated(content: string): Quantity | undefined {
  if (momentOf(content) !== undefined) return undefined;
  const cut = content.search(REASON);
  const head = cut === -1 ? content : content.slice(0, cut);
  // `The largest $n$ that fits is 19`
  const behindVerb = /^[^\d]*\b(?:is|are|equals)\s+([^a-z]*\d.*)$/.exec(head)?.[1] ?? '';
  return parseQuantity(content) ?? parseQuantity(head) ?? loneNumber(head) ?? parseQuantity(behindVerb);
}

/** What a sentence states: the formula in it where there is one only, else what comes before a reason. */
function said(content: string): string {
  const { formulas, around } = formulasIn(content);
  const [formula] = formulas;
  if (formulas.length === 1 && formula !== undefined && !/\d/.test(around) && !HEDGED.test(around)) return formula;
  const cut = content.search(REASON);
  return formulas.length === 0 && cut > 0 ? content.slice(0, cut) : content;
}

/** `Paris`: all of a response that is one line. */
function shortText(response: string): FinalAnswer | undefined {
  const text = response.trim();
  const isShort = text !== '' && text.length <= LONGEST_TEXT_ANSWER && !text.includes('\n');
  return isShort ? { text, quantity: undefined } : undefined;
}

/** The only number of a sentence (`she has 42 apples`), unless the words around it say that it is not the answer itself (`at least 42`). */
function loneNumber(text: string): Quantity | undefined {
  const numbers = mentions(text);
  return numbers.length === 1 && !HEDGED.test(plainText(text)) ? numbers[0]?.quantity() : undefined;
}

function withoutLabel(text: string): string {
  return text.replace(/^[\s*_]*(?:the\s+)?(?:final\s+)?answer(?:\s+is\b|\s*[:=])[\s*_:]*/i, '').trim();
}

function textForm(text: string): string {
  const plain = plainText(text)
    .replace(/([_^])\{(\w)\}/g, '$1$2')
    .replace(/\\pmod\s*\{?(\w+)\}?/g, '(mod $1)')
    .replace(/[$*_"“”]/g, ' ')
    .replace(/\s+/g, ' ')
    .replace(/ ?([^\p{L}\p{N} ]) ?/gu, '$1')
    .replace(/[.,;:]+$|(?<=\p{L}{2})!+$/u, '')
    .replace(/\\rightarrow(?![A-Za-z])/g, '\\to')
    .trim();
  // Single letters are variables: x and X differ.
  return plain.replace(/\p{L}{2,}/gu, (word) => word.toLowerCase());
}
