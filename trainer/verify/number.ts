import { add, decimal, divide, multiply, negate, power, type Rational, rational } from './rational.ts';

/** A number at some place of a text. `value` is undefined for what has digits but is no number: a time, a date. */
export interface Reading {
  readonly value: Rational | undefined;
  readonly end: number;
}
interface Exact {
  readonly value: Rational;
  readonly end: number;
}
interface Digits extends Exact {
  readonly whole: string;
  readonly fraction: string;
}

const VULGAR: Readonly<Record<string, readonly [bigint, bigint]>> = {
  '½': [1n, 2n],
  '⅓': [1n, 3n],
  '⅔': [2n, 3n],
  '¼': [1n, 4n],
  '¾': [3n, 4n],
  '⅕': [1n, 5n],
  '⅖': [2n, 5n],
  '⅗': [3n, 5n],
  '⅘': [4n, 5n],
  '⅙': [1n, 6n],
  '⅚': [5n, 6n],
  '⅛': [1n, 8n],
  '⅜': [3n, 8n],
  '⅝': [5n, 8n],
  '⅞': [7n, 8n],
};
const SUPERSCRIPTS = '⁰¹²³⁴⁵⁶⁷⁸⁹';
const MINUS = '[-−]';
const SIGN = new RegExp(`${MINUS}\\s*`, 'y');
const E_NOTATION = new RegExp(`[eE](\\+|${MINUS})?(\\d{1,4})(?![\\p{L}\\d])`, 'uy');
const TIMES_TEN = new RegExp(
  ` ?[×x*·] ?10 ?(?:\\^ ?\\{? ?(\\+|${MINUS})?(\\d{1,4})\\}?|([⁺⁻])?([${SUPERSCRIPTS}]{1,4}))`,
  'uy',
);
const EXPONENT = new RegExp(
  ` ?\\^ ?(?:\\{ ?(${MINUS}?\\d{1,4}) ?\\}|(${MINUS}?\\d{1,4})(?!\\.\\d))(?![\\p{L}\\d])|([${SUPERSCRIPTS}]{1,4})`,
  'uy',
);
// Larger ones would make numbers of unbounded size out of short texts.
const MAX_EXPONENT = 400;
const MAX_DIGITS = 400;

/** Can a number begin here? */
export function startsNumber(text: string, at: number): boolean {
  const character = text[at] as string;
  if (isDigit(character)) return true;
  if (character === '\\') return match(/\\frac(?![a-z])/y, text, at) !== undefined;
  return (character === '.' && isDigit(text[at + 1])) || character in VULGAR;
}

/**
 * Reads the longest number that begins at `at`, without its sign: `42`, `1,234.5`, `1 234` (with a thin or no-break space), `1.234,5`,
 * `.5`, `3/4`, `1 1/2`, `1½`, `\frac{3}{4}`, `1.5e3`, `1.5 × 10^3`, `2^10`. A comma is a decimal comma only after points as thousands separators.
 *
 * @returns undefined when no number begins here, or one of more than 400 digits or a power beyond 400
 */
export function readNumber(text: string, at: number): Reading | undefined {
  const fraction = readFractionSign(text, at);
  if (fraction !== undefined) return fraction;
  const digits = readDigits(text, at);
  if (digits === undefined) return undefined;
  const opaque = readOpaque(text, digits);
  if (opaque !== undefined) return opaque;
  return (
    readMixed(text, digits) ??
    readScientific(text, digits) ??
    readQuotient(text, digits) ??
    readPower(text, digits) ??
    digits
  );
}

/** `½`, `\frac{a}{b}` and `\frac12`. */
function readFractionSign(text: string, at: number): Exact | undefined {
  const vulgar = VULGAR[text[at] ?? ''];
  if (vulgar !== undefined) return { value: rational(...vulgar), end: at + 1 };
  const command = match(/\\frac\s*(?:\{([^{}]{1,80})\}\s*\{([^{}]{1,80})\}|(\d)\s*(\d))/y, text, at);
  if (command === undefined) return undefined;
  const numerator = signedNumber(command[1] ?? command[3] ?? '');
  const denominator = signedNumber(command[2] ?? command[4] ?? '');
  if (numerator === undefined || denominator === undefined) return undefined;
  const value = divide(numerator, denominator);
  return value === undefined ? undefined : { value, end: at + command[0].length };
}

function signedNumber(text: string): Rational | undefined {
  const trimmed = text.trim();
  const sign = match(SIGN, trimmed, 0);
  const digits = readDigits(trimmed, sign?.[0].length ?? 0);
  if (digits === undefined || digits.end !== trimmed.length) return undefined;
  return sign === undefined ? digits.value : negate(digits.value);
}

const GROUPED = [
  /(?!0)\d{1,3}(?:,\d{3})+(?!\d)(?!,\d)/y,
  /(?!0)\d{1,2}(?:,\d{2})+,\d{3}(?!\d)(?!,\d)/y,
  /(?!0)\d{1,3}(?:[\u00A0\u2009\u202F]\d{3})+(?!\d)/y,
  /(?!0)\d{1,3}(?:['’]\d{3})+(?!\d)/y,
];
const EUROPEAN = /(?!0)(\d{1,3}(?:\.\d{3})+),(\d+)(?![\d.,]*\d)|(?!0)(\d{1,3}(?:\.\d{3}){2,})(?![\d.,]*\d)/y;

function readDigits(text: string, at: number): Digits | undefined {
  const european = match(EUROPEAN, text, at);
  if (european !== undefined)
    return toDigits((european[1] ?? european[3]) as string, european[2] ?? '', at + european[0].length);
  const grouped = GROUPED.map((pattern) => match(pattern, text, at)).find((found) => found !== undefined);
  const whole = grouped?.[0] ?? match(/\d+/y, text, at)?.[0] ?? '';
  const point = match(/\.(\d+)/y, text, at + whole.length);
  if (whole === '' && point === undefined) return undefined;
  return toDigits(whole, point?.[1] ?? '', at + whole.length + (point?.[0].length ?? 0));
}

function toDigits(whole: string, fraction: string, end: number): Digits | undefined {
  const plain = whole.replace(/\D/g, '');
  if (plain.length + fraction.length > MAX_DIGITS) return undefined;
  return { whole: plain, fraction, value: decimal(plain, fraction), end };
}

/** Times (`2:30`), dates (`1/2/2024`, `2024-01-31`), versions (`1.2.3`) and what is a decimal or a list (`2,74`): digits that are no number. */
function readOpaque(text: string, digits: Digits): Reading | undefined {
  const run = match(/(?::\d+)+|(?:\.\d+)+|(?:,\d+(?:\.\d+)?)+|-\d{2}-\d{2}(?!\d)|\/\d+(?:\/\d+)+/y, text, digits.end);
  if (run === undefined) return undefined;
  if (run[0].startsWith('-') && digits.whole.length !== 4) return undefined;
  return { value: undefined, end: digits.end + run[0].length };
}

/** `1 1/2`, `1½`, `1\frac{1}{2}`, `1 and 1/2`: the fraction must be a proper one. */
function readMixed(text: string, digits: Digits): Exact | undefined {
  if (digits.fraction !== '') return undefined;
  const gap = match(/ and (?=[\d½-⅞¼-¾\\])| ?/y, text, digits.end)?.[0] ?? '';
  const at = digits.end + gap.length;
  const sign = readFractionSign(text, at);
  const part = sign ?? (gap === '' ? undefined : readSimpleFraction(text, at));
  if (part === undefined || part.value.numerator <= 0n || part.value.numerator >= part.value.denominator)
    return undefined;
  return { value: add(digits.value, part.value), end: part.end };
}

function readSimpleFraction(text: string, at: number): Exact | undefined {
  const found = match(/(\d{1,9})[/⁄](\d{1,9})(?![\d./])/y, text, at);
  if (found === undefined || Number(found[2]) === 0) return undefined;
  return { value: rational(BigInt(found[1] as string), BigInt(found[2] as string)), end: at + found[0].length };
}

/** `1.5e3`, `1.5 × 10^3`, `1.5 x 10³`. */
function readScientific(text: string, digits: Digits): Exact | undefined {
  const short = match(E_NOTATION, text, digits.end);
  const long = short ?? match(TIMES_TEN, text, digits.end);
  if (long === undefined) return undefined;
  const size = Number(long[2] ?? plainDigits(long[4] as string));
  const isNegative = /[-−⁻]/.test(long[1] ?? long[3] ?? '');
  if (size > MAX_EXPONENT) return undefined;
  return { value: decimal(digits.whole, digits.fraction, isNegative ? -size : size), end: digits.end + long[0].length };
}

function readQuotient(text: string, digits: Digits): Reading | undefined {
  const slash = match(/ ?[/⁄] ?(?=[\d.])/y, text, digits.end);
  if (slash === undefined) return undefined;
  const divisor = readDigits(text, digits.end + slash[0].length);
  if (divisor === undefined) return undefined;
  // A chain of divisions is an expression, not an answer.
  const chain = match(/ ?[/⁄] ?\d[\d ./⁄]*/y, text, divisor.end);
  if (chain !== undefined) return { value: undefined, end: divisor.end + chain[0].length };
  return { value: divide(digits.value, divisor.value), end: divisor.end };
}

/** `2^10`, `2^{10}`, `2¹⁰`. */
function readPower(text: string, digits: Digits): Reading | undefined {
  const caret = match(EXPONENT, text, digits.end);
  if (caret === undefined) return undefined;
  const exponent = Number((caret[1] ?? caret[2] ?? plainDigits(caret[3] as string)).replace('−', '-'));
  const isSmall = Math.abs(exponent) * (digits.whole.length + digits.fraction.length) <= MAX_EXPONENT;
  return { value: isSmall ? power(digits.value, exponent) : undefined, end: digits.end + caret[0].length };
}

/** The value times a scale such as a thousand. */
export function scaled(value: Rational, scale: bigint): Rational {
  return multiply(value, rational(scale));
}

function plainDigits(superscripts: string): string {
  return Array.from(superscripts, (character) => SUPERSCRIPTS.indexOf(character)).join('');
}

function isDigit(character: string | undefined): boolean {
  return character !== undefined && character >= '0' && character <= '9';
}

function match(pattern: RegExp, text: string, at: number): RegExpExecArray | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text) ?? undefined;
}
