import type { Expression } from './expression.ts';
import { add, decimal, divide, multiply, negate, power, type Rational, rational } from './rational.ts';

/** Larger numbers take longer than a comparison is worth. */
const MOST_BITS = 60_000;
const LARGEST_FACTORIAL = 4000;

/**
 * The value of an expression that has no variables and is made of whole numbers, decimals, fractions, whole powers, factorials and binomial
 * coefficients; undefined for any other, for a division by zero, and for numbers of more than some 20,000 digits.
 */
export function exactValue(expression: Expression): Rational | undefined {
  if (typeof expression === 'number') return ofDecimal(String(expression));
  if (typeof expression === 'string') return undefined;
  if (!Array.isArray(expression)) return ofDecimal((expression as { num: string }).num);
  const [head, ...operands] = expression as [string, ...Expression[]];
  const values: Rational[] = [];
  for (const operand of operands) {
    const value = exactValue(operand);
    if (value === undefined) return undefined;
    values.push(value);
  }
  const value = apply(head, values);
  return value === undefined || bits(value) > MOST_BITS ? undefined : value;
}

function apply(head: string, values: readonly Rational[]): Rational | undefined {
  const [first, second] = values as [Rational, Rational];
  switch (head) {
    case 'Add':
      return fold(values, add);
    case 'Subtract':
      return fold([first, ...values.slice(1).map(negate)], add);
    case 'Negate':
      return negate(first);
    case 'Multiply':
      return fold(values, multiply);
    case 'Divide':
    case 'Rational':
      return values.length === 2 ? divide(first, second) : undefined;
    case 'Power':
      return values.length === 2 ? wholePower(first, second) : undefined;
    case 'Abs':
      return first.numerator < 0n ? negate(first) : first;
    case 'Floor':
      return floor(first);
    case 'Ceil':
      return negate(floor(negate(first)));
    case 'Factorial':
      return isSmall(first) ? rational(rising(1n, first.numerator)) : undefined;
    case 'Binomial':
      return values.length === 2 ? binomial(first, second) : undefined;
    default:
      return undefined;
  }
}

/** The operation from left to right, ended where it grows too large. */
function fold(values: readonly Rational[], operation: (a: Rational, b: Rational) => Rational): Rational | undefined {
  let [result, ...rest] = values as [Rational, ...Rational[]];
  for (const value of rest) {
    if (bits(result) + bits(value) > 2 * MOST_BITS) return undefined;
    result = operation(result, value);
  }
  return result;
}

function wholePower(base: Rational, exponent: Rational): Rational | undefined {
  if (exponent.denominator !== 1n || (base.numerator === 0n && exponent.numerator <= 0n)) return undefined;
  const size = Math.abs(Number(exponent.numerator));
  const isUnit = base.denominator === 1n && (base.numerator === 1n || base.numerator === -1n);
  return size * (isUnit ? 1 : bits(base)) > MOST_BITS ? undefined : power(base, Number(exponent.numerator));
}

function floor({ numerator, denominator }: Rational): Rational {
  const quotient = numerator / denominator;
  return rational(numerator % denominator < 0n ? quotient - 1n : quotient);
}

function binomial(n: Rational, k: Rational): Rational | undefined {
  if (!isSmall(n) || !isSmall(k)) return undefined;
  if (k.numerator > n.numerator) return rational(0n);
  return rational(rising(n.numerator - k.numerator + 1n, n.numerator), rising(1n, k.numerator));
}

function isSmall({ numerator, denominator }: Rational): boolean {
  return denominator === 1n && 0n <= numerator && numerator <= LARGEST_FACTORIAL;
}

/** The product of the whole numbers from `first` to `last`. */
function rising(first: bigint, last: bigint): bigint {
  let product = 1n;
  for (let factor = first; factor <= last; factor++) product *= factor;
  return product;
}

function ofDecimal(text: string): Rational | undefined {
  const [, sign, whole = '', fraction = ''] = /^(-?)(\d*)\.?(\d*)$/.exec(text) ?? [];
  if (sign === undefined || `${whole}${fraction}` === '') return undefined;
  const value = decimal(whole, fraction);
  return sign === '-' ? negate(value) : value;
}

function bits({ numerator, denominator }: Rational): number {
  return 4 * (numerator.toString(16).length + denominator.toString(16).length);
}
