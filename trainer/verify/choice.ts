import { CftError } from '../../crds/errors.ts';
import { plainText } from './plain-text.ts';
import { endOfFirstMarker, lastMarker, lastPhrase, type Statement } from './statements.ts';
import type { Verifier } from './verifier.ts';

export interface ChoiceOptions {
  /** The labels, such as A to E, or yes and no. */
  readonly choices: readonly string[];
  /** Which of several marked answers counts; see the verifier `math`. Default: last. */
  readonly statement?: 'last' | 'first' | undefined;
}

/** A label that a text chose; undefined when the text says something else there, or more than one. */
type Choice = string | undefined;
type Labels = ReadonlyMap<string, string>;

/**
 * Compares the chosen label. Precedence in a response:
 *
 * 1. `\boxed{B}`, `#### B`: the last.
 * 2. `the answer is (B)`, `answer: B`, `the correct option is B`: the last that is not negated.
 * 3. a last line that is only a label, or lines of the form `B) text` that all have the same label.
 * 4. `(B)` in brackets: the last that is not negated (`not (C)`, `(C) is wrong`).
 * 5. a capital letter standing alone, when there is only one such label in the text, and it is no part of a name (`vitamin C`, `E. coli`).
 *
 * What a higher rule finds counts even where it is no label, or several (`the answer is B or C`): then nothing was chosen. Roman numerals
 * are no labels, unless they are listed in `choices`.
 */
export function createChoiceVerifier({ choices, statement: counted = 'last' }: ChoiceOptions): Verifier {
  const labels: Labels = new Map(choices.map((label) => [label.toLowerCase(), label]));
  const namesLabel = (content: string) => labelAtStart(content, labels) !== undefined;
  const end = (text: string) => (counted === 'first' ? endOfFirstMarker(text, namesLabel) : undefined);
  return {
    type: 'choice',
    verify: async (items) =>
      items.map(({ response, answer }) => {
        const expected = referenceChoice(answer, labels);
        const extracted = responseChoice(response.slice(0, end(response)), labels);
        const correct = extracted === expected;
        return { correct, score: Number(correct), extracted, expected };
      }),
    ...(counted === 'first' && { isFinal: (prefix: string) => end(prefix) !== undefined }),
  };
}

function responseChoice(response: string, labels: Labels): Choice {
  const text = response.trim();
  const stated = statement(text, labels);
  if (stated !== undefined) return stated.content === undefined ? undefined : labelAtStart(stated.content, labels);
  return ofLines(text, labels) ?? inBrackets(text, labels) ?? standingAlone(text, labels);
}

/** Rules 1 and 2. Of options and choices only those sentences count that name a label. */
function statement(text: string, labels: Labels): Statement | undefined {
  const namesLabel = (content: string) => labelAtStart(content, labels) !== undefined;
  return (
    lastMarker(text, namesLabel) ??
    lastPhrase(text, /\b(?:answers?|option|choice)\b/gi, (noun, content) => /answer/i.test(noun) || namesLabel(content))
  );
}

function referenceChoice(answer: string, labels: Labels): string {
  const text = answer.trim();
  const whole = labels.get(undress(text).toLowerCase()) ?? lineLabel(text, labels)?.label;
  if (whole !== undefined) return whole;
  const content = statement(text, labels)?.content;
  const label = content === undefined ? undefined : labelAtStart(content, labels);
  if (label !== undefined) return label;
  throw new CftError(
    'InvalidRecord',
    `the reference answer ${show(text)} is none of the choices ${[...labels.values()].join(', ')}`,
    {
      value: answer,
      hint: hintFor(text, labels),
    },
  );
}

function hintFor(text: string, labels: Labels): string {
  const bare = undress(text);
  if (/^[ivxlc]+$/i.test(bare))
    return `roman numerals are not read as labels: write ${bare} as a letter, or list the numerals in verifier.choices`;
  if (/^\d+$/.test(bare)) return `write the number as a letter: ${[...labels.values()].slice(0, 3).join(', ')}, ...`;
  return 'set verifier.choices to the labels that the data uses';
}

/** The label that a stated answer begins with: `(B)`, `B) text`, `option B`, `B because`. */
function labelAtStart(content: string, labels: Labels): Choice {
  const text = plainText(content).replace(FILLER, '');
  const found = /^[\s("'“[*_{$]*([\p{L}\p{N}]+)(?=([)\]}"'”*_$.,:;!?]|\s|-|$))/u.exec(text);
  const label = found === null ? undefined : labels.get((found[1] as string).toLowerCase());
  if (found === null || label === undefined) return undefined;
  if (SPECIES.test(text.slice(found[0].length))) return undefined;
  const rest = text.slice(found[0].length).replace(/^[)\]}"'”*_$]+/, '');
  if (namesAnother(rest, label, labels)) return undefined;
  const isBare = /^[\s.,:;!?)*_$-]*$/.test(rest) || /^[)\]:.,;!?-]/.test(text.slice(found[0].length));
  if (isBare) return label;
  // `a` and `I` are words, and a small letter can be a variable.
  const isWord = label.length === 1 && (found[1] !== label || /[AI]/.test(label));
  return isWord && !(found[1] === label && /^\s+(?:because|since|as|is|which|for)\b/.test(rest)) ? undefined : label;
}

const FILLER =
  /^[\s:*_]*(?:(?:therefore|thus|hence|so|for sure|clearly|definitely|simply|indeed|likely|most likely|probably|the|letter|option|choice|answer)\b[\s:,*_]*)*/i;

/** What follows the letter in the name of a microbe, such as `E. coli`. */
const SPECIES =
  /^\. ?(?:coli|diff|difficile|tetani|botulinum|perfringens|albicans|trachomatis|jejuni|diphtheriae|neoformans|burnetii|cereus|anthracis|fragilis|pertussis|burgdorferi|henselae|quintana|faecalis|faecium|histolytica|granulosus|vermicularis|baumannii|fumigatus|lumbricoides|latum|medinensis)\b/i;

/** `B or C`, `B and C`, `B, C`: not one choice. */
function namesAnother(rest: string, label: string, labels: Labels): boolean {
  const other = /^\s*(?:,|or\b|and\b|&|\/)\s*(?:or\s+|and\s+)?\(?([\p{L}\p{N}]+)(?![\p{L}\p{N}])/u.exec(rest);
  const named = other === null ? undefined : labels.get((other[1] as string).toLowerCase());
  return named !== undefined && named !== label && other?.[1] === named;
}

const CONCLUSION = /^[\s*_]*(?:therefore|thus|hence|so)\b[\s:,*_]*/i;

function lineLabel(line: string, labels: Labels): { label: string; isBare: boolean } | undefined {
  const plain = plainText(line).replace(CONCLUSION, '').trim();
  const bare = labels.get(undress(plain).toLowerCase());
  // A line `a` can be a word that was left over.
  const isWord = /^[ai][.,:;!]*$/.test(plain);
  if (bare !== undefined && !isWord) return { label: bare, isBare: true };
  const found = /^[*_"']*(?:\(([\p{L}\p{N}]+)\)|\[([\p{L}\p{N}]+)\]|([\p{L}\p{N}]+)[).:])[*_"']*\s+\S/u.exec(plain);
  const word = found?.[1] ?? found?.[2] ?? found?.[3];
  const label = word === undefined ? undefined : labels.get(word.toLowerCase());
  return label === undefined ? undefined : { label, isBare: false };
}

function ofLines(text: string, labels: Labels): Choice {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const found = lines.map((line) => lineLabel(line, labels));
  const last = found.at(-1);
  if (last?.isBare) return last.label;
  const listed = found.flatMap((line) => (line === undefined ? [] : [line.label]));
  const distinct = new Set([...listed, ...bracketed(text, labels).map(({ label }) => label)]);
  return listed.length > 0 && distinct.size === 1 ? listed[0] : undefined;
}

function inBrackets(text: string, labels: Labels): Choice {
  return bracketed(text, labels).findLast(({ isRejected }) => !isRejected)?.label;
}

const REJECTED_BEFORE =
  /(?:\b(?:not|nor|never|cannot|unlike|than|instead of|neither)|n't)(?: be)?\s+(?:\w+\s+)?[("'*_]*$/i;
const REJECTED_AFTER = /^[)\]"'*_]*\s*(?:is|are|was)?\s*(?:the\s+)?(?:wrong|incorrect|not|false|impossible|isn't)\b/i;

function isRejected(text: string, start: number, end: number): boolean {
  return (
    REJECTED_BEFORE.test(text.slice(Math.max(0, start - 24), start)) || REJECTED_AFTER.test(text.slice(end, end + 24))
  );
}

/** Labels in brackets, in the case that they are listed in. */
function bracketed(text: string, labels: Labels): { label: string; isRejected: boolean }[] {
  return [...text.matchAll(/[([]([\p{L}\p{N}]+)[)\]]/gu)].flatMap(({ 0: whole, 1: word = '', index }) =>
    labels.get(word.toLowerCase()) === word
      ? [{ label: word, isRejected: isRejected(text, index, index + whole.length) }]
      : [],
  );
}

/** `Vitamin C`, `hepatitis B`: a word before the letter that does not choose anything. */
const NAMED_BEFORE =
  /(?<![\p{L}'’])(?!(?:is|are|was|be|it's|that's|pick|picked|choose|chose|choosing|select|selected|selecting|with|for|think|believe|say|suppose|guess|option|choice|answer|letter|and|or|but|so|then|thus|hence|therefore|definitely|probably|clearly|only|surely|certainly|likely|because|since|as|while|that|not|nor|than|to|on|by|both|neither|either|also|maybe|perhaps|would|have|prefer|suggests?|indicates?|means|points?)\b)[\p{L}'’]+[ \t]+$/iu;

function standingAlone(text: string, labels: Labels): Choice {
  const words = text.matchAll(/(?<![\p{L}\p{N}'’-])([\p{L}\p{N}]+)(?![\p{L}\p{N}'’-])/gu);
  const found = [...words].flatMap(({ 0: word, index }) => {
    const behind = text.slice(index + 1, index + 24);
    const isWord = /^[AI]$/.test(word) && /^\s+(?!is (?:the )?(?:correct|right|best|answer))\p{L}/u.test(behind);
    const label = labels.get(word.toLowerCase());
    const isLabel = label !== undefined && (label === word || label.length > 1);
    const isName =
      word.length === 1 && (NAMED_BEFORE.test(text.slice(Math.max(0, index - 40), index)) || SPECIES.test(behind));
    return isLabel && !isWord && !isName ? [{ label, isRejected: isRejected(text, index, index + word.length) }] : [];
  });
  const distinct = new Set(found.map(({ label }) => label));
  return distinct.size === 1 && found.every((one) => !one.isRejected) ? found[0]?.label : undefined;
}

function undress(text: string): string {
  return plainText(text).replace(/^[\s("'“[*_{$]+|[\s)"'”\]*_}$.,:;!]+$/g, '');
}

function show(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}...` : text);
}
