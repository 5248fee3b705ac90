/** An exact fraction in lowest terms; the denominator is positive. */
export interface Rational {
  readonly numerator: bigint;
  readonly denominator: bigint;
}

/** The fraction in lowest terms. @throws RangeError when the denominator is zero */
export function rational(numerator: bigint, denominator = 1n): Rational {
  if (denominator === 0n) throw new RangeError('the denominator is zero');
  const sign = denominator < 0n ? -1n : 1n;
  const divisor = gcd(numerator < 0n ? -numerator : numerator, denominator * sign);
  return { numerator: (sign * numerator) / divisor, denominator: (sign * denominator) / divisor };
}

/** A decimal number from its digits: `decimal('12', '50')` is 25/2. @param exponent power of ten that the number is multiplied with */
export function decimal(whole: string, fraction = '', exponent = 0): Rational {
  const digits = BigInt(`${whole}${fraction}` || '0');
  const power = exponent - fraction.length;
  return power >= 0 ? rational(digits * 10n ** BigInt(power)) : rational(digits, 10n ** BigInt(-power));
}

export function equals(a: Rational, b: Rational): boolean {
  return a.numerator === b.numerator && a.denominator === b.denominator;
}

export function add(a: Rational, b: Rational): Rational {
  return rational(a.numerator * b.denominator + b.numerator * a.denominator, a.denominator * b.denominator);
}

export function multiply(a: Rational, b: Rational): Rational {
  return rational(a.numerator * b.numerator, a.denominator * b.denominator);
}

/** The quotient, or undefined for a division by zero. */
export function divide(a: Rational, b: Rational): Rational | undefined {
  return b.numerator === 0n ? undefined : rational(a.numerator * b.denominator, a.denominator * b.numerator);
}

export function negate(a: Rational): Rational {
  return { numerator: -a.numerator, denominator: a.denominator };
}

/** An integer power, or undefined for a negative power of zero. */
export function power(base: Rational, exponent: number): Rational | undefined {
  const size = BigInt(Math.abs(exponent));
  const raised = rational(base.numerator ** size, base.denominator ** size);
  return exponent >= 0 ? raised : divide(rational(1n), raised);
}

/** `42`, `-1.5`, and `1/3` where no decimal ends. Equal numbers have equal texts. */
export function formatRational({ numerator, denominator }: Rational): string {
  const places = decimalPlaces(denominator);
  if (places === undefined) return `${numerator}/${denominator}`;
  const scaled = (numerator < 0n ? -numerator : numerator) * (10n ** BigInt(places) / denominator);
  const digits = scaled.toString().padStart(places + 1, '0');
  const whole = digits.slice(0, digits.length - places);
  const sign = numerator < 0n ? '-' : '';
  return places === 0 ? `${sign}${whole}` : `${sign}${whole}.${digits.slice(-places)}`;
}

/** How many digits a decimal has at least, in all and behind the point, that was not rounded by hand, but computed. */
const COMPUTED_DIGITS = 10;
const COMPUTED_PLACES = 6;

/** The size of the last digit of a decimal of so many digits that it was computed; undefined for another number. */
export function lastDigit({ numerator, denominator }: Rational): Rational | undefined {
  const places = decimalPlaces(denominator);
  if (places === undefined || places < COMPUTED_PLACES) return undefined;
  const digits = (numerator * (10n ** BigInt(places) / denominator)).toString().replace('-', '');
  return digits.length < COMPUTED_DIGITS ? undefined : rational(1n, 10n ** BigInt(places));
}

/** Whether the one is a computed decimal such as 0.3333333333333333, and the other an endless one that begins so. */
export function isRoundedTo(exact: Rational, rounded: Rational): boolean {
  const size = lastDigit(rounded);
  if (size === undefined || decimalPlaces(exact.denominator) !== undefined) return false;
  const { numerator, denominator } = add(exact, negate(rounded));
  return (numerator < 0n ? -numerator : numerator) * size.denominator < denominator;
}

/** Digits after the point that 1/denominator has, or undefined when it never ends. */
function decimalPlaces(denominator: bigint): number | undefined {
  let rest = denominator;
  let twos = 0;
  let fives = 0;
  for (; rest % 2n === 0n; rest /= 2n) twos++;
  for (; rest % 5n === 0n; rest /= 5n) fives++;
  return rest === 1n ? Math.max(twos, fives) : undefined;
}

function gcd(a: bigint, b: bigint): bigint {
  let [x, y] = [a, b];
  while (y !== 0n) [x, y] = [y, x % y];
  return x;
}

/** The number as LaTeX: `42`, `-\frac{1}{3}`. */
export function formatFraction({ numerator, denominator }: Rational): string {
  if (denominator === 1n) return `${numerator}`;
  return `${numerator < 0n ? '-' : ''}\\frac{${numerator < 0n ? -numerator : numerator}}{${denominator}}`;
}
