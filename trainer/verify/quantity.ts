import { BETWEEN_PARTS, joined, PARTS_BEFORE } from './compound.ts';
import { isInFormula } from './in-formula.ts';
import { measured, measureOf } from './measures.ts';
import { readNumber, scaled, startsNumber } from './number.ts';
import { wholeNumberOf } from './number-words.ts';
import { plainText } from './plain-text.ts';
import { equals, formatRational, isRoundedTo, multiply, negate, type Rational, rational } from './rational.ts';
import { currency, readUnit, sameUnit, type UnitReading } from './units.ts';

/** A number as it is stated in an answer. */
export interface Quantity {
  readonly value: Rational;
  readonly percent: boolean;
  readonly unit: string | undefined;
}

const LONGEST = 400;
const CURRENCY_CODE = /(?:US|A|C|NZ|HK)?[$＄]|(?:USD|EUR|GBP|INR|JPY|CNY|Rs\.?)(?=\s?[\d.-])|[€£¥₹¢]/iy;

/**
 * Reads a text that is one number and nothing else, except its dress: LaTeX, Markdown, brackets, `x =` or a calculation before it,
 * currency, percent, unit, final period. `1 hour 30 minutes` is one number.
 *
 * @returns undefined for anything else: two numbers, a range, an expression, a time
 */
export function parseQuantity(text: string): Quantity | undefined {
  if (text.length > LONGEST) return undefined;
  return (
    parseSingle(text) ??
    joined(
      undress(plainText(text))
        .replace(/\bin\.?$/, 'inches')
        .split(BETWEEN_PARTS)
        .map(parseSingle),
    )
  );
}

function parseSingle(text: string): Quantity | undefined {
  const right = rightHandSide(undress(plainText(text)));
  if (right === undefined) return undefined;
  const inWords = wholeNumberOf(right);
  if (inWords !== undefined) return { value: rational(BigInt(inWords)), percent: false, unit: undefined };
  // Where the number is all there is, plain spaces can group its digits.
  const bare = right.replace(/^(\D{0,8}\d{1,3}(?: \d{3})+)(?! ?[\d/])/, (grouped) =>
    grouped.replace(/(?<=\d) (?=\d)/g, '\u2009'),
  );
  const hedge =
    /^(?:[~≈]|(?:about|approximately|approx\.?|roughly|exactly|only|just)\s)\s*/i.exec(bare)?.[0].length ?? 0;
  const head = readHead(bare, hedge);
  const number = readNumber(bare, head.end);
  if (number?.value === undefined) return undefined;
  const tail = readUnit(bare, number.end, head.unit);
  if (typeof tail === 'string' || !/^\s*[.,;:)]?\s*$/.test(bare.slice(tail.end))) return undefined;
  return toQuantity(number.value, head, tail);
}

/** A number in running text. */
export interface Mention {
  readonly text: string;
  /** undefined for what is not one number: `2:30`, `5x`. */
  quantity(): Quantity | undefined;
}

/** What stands before a number that is not stated: `±3`, `not 3`, `a wrong answer is 3`. */
const NOT_ITSELF =
  /(?:±|\bnot(?: equal to)?|n't(?: equal)?|\b(?:wrong|incorrect|false) answers? (?:is|are|was|would be|might be|could be))\s*$/i;

/** The numbers of a running text. Exponents, indices and digits inside words are not numbers. */
export function mentions(text: string): Mention[] {
  const plain = plainText(text);
  const found: Mention[] = [];
  for (let at = 0; at < plain.length; ) {
    const isPoint = plain[at] === '.' && /[\p{L}\d]/u.test(plain[at - 1] ?? '');
    if (isPoint || !startsNumber(plain, at)) {
      at++;
      continue;
    }
    const number = isPartOfWord(plain, at) ? undefined : readNumber(plain, at);
    if (number === undefined) {
      at = endOfDigits(plain, at);
      continue;
    }
    const head = headBefore(plain, at);
    const quantity = () => {
      if (NOT_ITSELF.test(plain.slice(Math.max(0, head.start - 40), head.start))) return undefined;
      if (isInFormula(plain, head.start, number.end)) return undefined;
      const tail = readTail(plain, number.end, head);
      if (number.value === undefined || tail === 'expression') return undefined;
      const last = toQuantity(number.value, head, tail);
      const before = PARTS_BEFORE.exec(plain.slice(Math.max(0, head.start - 60), head.start))?.[0].trim();
      return (before === undefined ? undefined : joined([...before.split(BETWEEN_PARTS).map(partOf), last])) ?? last;
    };
    found.push({ text: plain.slice(head.start, number.end), quantity });
    at = number.end;
  }
  return found;
}

function partOf(text: string): Quantity | undefined {
  return parseSingle(text.replace(/(?:,|\band)\s*$/, ''));
}

/**
 * Do the two state the same number? Units count where both sides name one, and are converted where they measure the same (`1 km`, `1000 m`). A percentage equals the bare number of percent (`50%`, `50`) as
 * well as the share (`50%`, `0.5`).
 */
export function sameQuantity(a: Quantity, b: Quantity): boolean {
  const [left, right] = [measureOf(a.unit), measureOf(b.unit)];
  if (left !== undefined && right !== undefined && left.kind === right.kind)
    return equals(measured(a.value, left), measured(b.value, right));
  if (!sameUnit(a.unit, b.unit)) return false;
  if (a.percent === b.percent)
    return equals(a.value, b.value) || isRoundedTo(a.value, b.value) || isRoundedTo(b.value, a.value);
  const [percent, plain] = a.percent ? [a, b] : [b, a];
  if (plain.unit !== undefined) return false;
  return equals(percent.value, plain.value) || equals(multiply(percent.value, rational(1n, 100n)), plain.value);
}

/** `42`, `1.5`, `1/3`, `50%`; with the unit where it matters. */
export function formatQuantity({ value, percent, unit }: Quantity, withUnit = false): string {
  return `${formatRational(value)}${percent ? '%' : ''}${withUnit && unit !== undefined ? ` ${unit}` : ''}`;
}

interface Head {
  readonly start: number;
  readonly end: number;
  readonly negative: boolean;
  readonly unit: string | undefined;
}
type Tail = Pick<UnitReading, 'unit' | 'scale' | 'percent'>;

function toQuantity(value: Rational, head: Head, { unit, scale, percent }: Tail): Quantity {
  const size = scaled(value, scale);
  return { value: head.negative ? negate(size) : size, percent, unit };
}

/** Sign and currency before a number, in either order. */
function readHead(text: string, at: number): Head {
  const sign = /(?:[-−–+]|(?:minus|negative)\s)\s*/iy;
  let end = at;
  let negative: boolean | undefined;
  let unit: string | undefined;
  for (let i = 0; i < 3; i++) {
    const found = negative === undefined ? stickyText(sign, text, end) : '';
    if (found !== '') negative = !found.startsWith('+');
    end += found.length;
    const money = unit === undefined ? stickyText(CURRENCY_CODE, text, end) : '';
    if (money !== '') unit = currency(money.replace(/^\w+(?=[$＄])/, '').replace('.', ''));
    end += money.length;
    end += stickyText(/\s*/y, text, end).length;
  }
  return { start: at, end, negative: negative ?? false, unit };
}

/** Sign and currency directly before the number at `at` in running text, where a minus after a number or word is an operator. */
function headBefore(text: string, at: number): Head {
  const before = text.slice(Math.max(0, at - 24), at);
  const inner = /(?<=[$＄€£¥₹])[-−]$/.exec(before)?.[0] ?? '';
  const money =
    /(?:(?:US|A|C)?[$＄]|[€£¥₹]|(?<!\p{L})Rs\.? ?)$/u.exec(before.slice(0, before.length - inner.length))?.[0] ?? '';
  const left = before.slice(0, before.length - inner.length - money.length);
  const sign =
    /(?<![\p{L}\d)\]}%.-])[-−]$|\bnegative\s+$|(?<![\p{L}\d)\]}%]\s+)\bminus\s+$|\bis minus\s+$/iu.exec(left)?.[0] ??
    '';
  const unit = money === '' ? undefined : currency(money.replace(/^\w+(?=[$＄])/, '').replace(/[. ]/g, ''));
  const start = at - inner.length - money.length - sign.length;
  return { start, end: at, negative: sign !== '' || inner !== '', unit };
}

function readTail(text: string, at: number, head: Head): Tail | 'expression' {
  // `$42$` and `$x = 42$` are formulas, not money.
  const isFormula = text[at] === '$';
  const tail = isFormula ? 'clause' : readUnit(text.slice(0, at + 60), at, head.unit);
  const unit = isFormula && text[head.start] === '$' ? undefined : head.unit;
  return tail === 'clause' ? { unit, scale: 1n, percent: false } : tail;
}

/** Digits in `x2`, `x^2`, `x_1`, `\sqrt{2}`: not a number of their own. */
function isPartOfWord(text: string, at: number): boolean {
  const before = text.slice(Math.max(0, at - 8), at);
  if (/(?:^|[^\p{L}])(?:US|A|C)?[$＄]$|(?:^|[^\p{L}])(?:USD|EUR|GBP|INR|Rs)$/u.test(before)) return false;
  return /[\p{L}_^√]$|[\^_]\{$|[\^]\{?[-−]$|\\sqrt\s*\{$/u.test(before);
}

function endOfDigits(text: string, at: number): number {
  return at + Math.max(1, stickyText(/[\d.,]*\d/y, text, at).length);
}

/** Takes brackets, quotes, formula delimiters and emphasis off both ends. */
function undress(text: string): string {
  let bare = text.trim();
  for (;;) {
    const next = bare
      .replace(
        /^(?:\$\$([^$]*)\$\$|\$([^$]*)\$|\(([^(),]*)\)|\[([^[\],]*)\]|\{([^{}]*)\}|"([^"]*)"|'([^']*)'|“([^”]*)”|\*+([^*]*)\*+|_+([^_]*)_+)[.,;:]*$/,
        (_, ...groups) => groups.slice(0, 10).find((group) => group !== undefined),
      )
      .replace(/(?<!\.)[.,;:]$/, '')
      .trim();
    if (next === bare) return bare;
    bare = next;
  }
}

/** What `x =`, `Total cost:` or `6 * 7 =` lead to; undefined for an equation that does not end in its answer (`2x = 6`, `x = 3, y = 4`). */
function rightHandSide(text: string): string | undefined {
  const parts = text.split(/(?<![<>≤≥!≠~:])=|≈(?=.)(?<=\S\s*≈)/);
  const right = (parts.pop() as string).trim();
  if (parts.length === 0) return text;
  const isName = (part: string) => /^[\p{L}][\p{L}\s_{}']*(?:\(\s*[\p{L}\d]+\s*\)|\d*)$/u.test(part);
  const isCalculation = (part: string) =>
    !/\p{L}/u.test(part.replace(/\\frac|(?<=\d\s*)x(?=\s*\d)/g, '')) && !/[;<>≤≥]|,(?!\d{3})/.test(part);
  const fits = parts.every((part) => isName(part.trim()) || isCalculation(part.trim()));
  return fits ? undress(right) : undefined;
}

function stickyText(pattern: RegExp, text: string, at: number): string {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0] ?? '';
}
