import { isDenied, isOpen, isRejection } from './denial.ts';
import { plainText } from './plain-text.ts';

/** The labels that can be chosen, by their small letters. */
export type Labels = ReadonlyMap<string, string>;

/** A label at a place of a text. */
export interface NamedLabel {
  readonly label: string;
  readonly start: number;
  readonly end: number;
  /** The words around it deny it or leave it open. */
  readonly isDenied: boolean;
}

/** The label that a stated answer begins with: `(B)`, `B) text`, `option B`, `B because`. Undefined for anything else, and for several. */
export function labelAtStart(content: string, labels: Labels): string | undefined {
  const text = plainText(content).replace(FILLER, '');
  const found = /^[\s("'“[*_{$]*([\p{L}\p{N}]+)(?=([)\]}"'”*_$.,:;!?]|\s|-|$))/u.exec(text);
  const label = found === null ? undefined : labels.get((found[1] as string).toLowerCase());
  if (found === null || label === undefined) return undefined;
  if (SPECIES.test(text.slice(found[0].length))) return undefined;
  const rest = text.slice(found[0].length).replace(/^[)\]}"'”*_$]+/, '');
  if (namesAnother(rest, label, labels)) return undefined;
  const isBare = /^[\s.,:;!?)*_$-]*$|^ [-–—:] /.test(rest) || /^[)\]:.,;!?-]/.test(text.slice(found[0].length));
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

/** `B or C`, `B and C`, `B, C`, `B, but it is C`: not one choice. */
function namesAnother(rest: string, label: string, labels: Labels): boolean {
  const other =
    /^\s*(?:,|or\b|and\b|&|\/|,?\s*but (?:it|the answer|actually|now)\b[^.]*?\b(?:is|be))\s*(?:or\s+|and\s+)?\(?([\p{L}\p{N}]+)(?![\p{L}\p{N}])/u.exec(
      rest,
    );
  const named = other === null ? undefined : labels.get((other[1] as string).toLowerCase());
  return named !== undefined && named !== label && other?.[1] === named;
}

const CONCLUSION = /^[\s*_]*(?:(?:therefore|thus|hence|so)\b[\s:,*_]*)?(?:(?:option|choice|letter)\s+)?/i;

/** The label that a line is, or that it begins with as in `B) text`. */
export function lineLabel(line: string, labels: Labels): { label: string; isBare: boolean } | undefined {
  const plain = plainText(line).replace(CONCLUSION, '').trim();
  const bare = labels.get(withoutBrackets(plain).toLowerCase());
  // A line `a` can be a word that was left over.
  const isWord = /^[ai][.,:;!]*$/.test(plain);
  if (bare !== undefined && !isWord) return { label: bare, isBare: true };
  const found = /^[*_"']*(?:\(([\p{L}\p{N}]+)\)|\[([\p{L}\p{N}]+)\]|([\p{L}\p{N}]+)[).:])[*_"']*\s+(?=\S)/u.exec(plain);
  if (isRejection(plain.slice(found?.[0].length))) return undefined;
  const word = found?.[1] ?? found?.[2] ?? found?.[3];
  const label = word === undefined ? undefined : labels.get(word.toLowerCase());
  return label === undefined ? undefined : { label, isBare: false };
}

/** Labels in brackets, in the case that they are listed in; `poly(A)` is a word. */
export function bracketed(text: string, labels: Labels): NamedLabel[] {
  return [...text.matchAll(/(?<![\p{L}\p{N}])[([]([\p{L}\p{N}]+)[)\]]/gu)].flatMap(
    ({ 0: whole, 1: word = '', index }) =>
      labels.get(word.toLowerCase()) === word ? [named(text, word, index, index + whole.length, labels)] : [],
  );
}

/** `Vitamin C`, `hepatitis B`: a word before the letter that does not choose anything. */
const NAMED_BEFORE =
  /(?<![\p{L}'’])(?!(?:is|are|was|be|it's|that's|pick|picked|choose|chose|choosing|select|selected|selecting|leaves|leaving|remains|must|with|for|think|believe|say|suppose|guess|option|choice|answer|letter|and|or|but|so|then|thus|hence|therefore|definitely|probably|clearly|only|surely|certainly|likely|because|since|as|while|that|not|nor|than|to|on|by|both|neither|either|also|maybe|perhaps|would|have|prefer|suggests?|indicates?|means|points?)\b)[\p{L}'’]+[ \t]+$/iu;

/** Labels that stand alone: capital letters that are no word (`A man`) and no part of a name. */
export function standing(text: string, labels: Labels): NamedLabel[] {
  return places(text, labels).map(({ word, index }) => named(text, word, index, index + word.length, labels));
}

function places(text: string, labels: Labels): { word: string; index: number }[] {
  const words = text.matchAll(/(?<![\p{L}\p{N}'’-])([\p{L}\p{N}]+)(?![\p{L}\p{N}'’-])/gu);
  return [...words].flatMap(({ 0: word, index }) => {
    const behind = text.slice(index + 1, index + 24);
    const isWord =
      /^[AI]$/.test(word) &&
      /^\s+(?!(?:is|isn['’]t|was|cannot|can['’]t|does|doesn['’]t|and|or)\b)[\p{L}\d]/u.test(behind);
    const label = labels.get(word.toLowerCase());
    const isLabel = label !== undefined && (label === word || label.length > 1);
    const isName =
      word.length === 1 && (NAMED_BEFORE.test(text.slice(Math.max(0, index - 40), index)) || SPECIES.test(behind));
    return isLabel && !isWord && !isName ? [{ word, index }] : [];
  });
}

function named(text: string, word: string, start: number, end: number, labels: Labels): NamedLabel {
  const label = labels.get(word.toLowerCase()) as string;
  return { label, start, end, isDenied: isDenied(text, start, end) || isLeftOpen(text, start, end, labels) };
}

/** Whether the words around a label leave it open whether it is the answer. */
export function isLeftOpen(text: string, start: number, end: number, labels: Labels): boolean {
  return isOpen(text, start, end, (piece) => places(piece, labels).length > 0);
}

/** The text without LaTeX, and without brackets, quotes and periods around it. */
export function withoutBrackets(text: string): string {
  return plainText(text).replace(/^[\s("'“[*_{$]+|[\s)"'”\]*_}$.,:;!]+$/g, '');
}
