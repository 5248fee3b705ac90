import { plainText } from './plain-text.ts';
import { parseQuantity, type Quantity } from './quantity.ts';
import { divide, equals, multiply, type Rational } from './rational.ts';

/** A text that may be a ratio or a fraction, with its number where it is one. */
interface Stated {
  readonly text: string;
  readonly quantity: Quantity | undefined;
}

const LONGEST = 60;

/** Whether two answers are the same ratio: `3:4`, `6 : 8`, `3 to 4`, and `\frac{3}{4}` beside one of two terms. */
export function sameRatio(a: Stated, b: Stated): boolean {
  const [left, right] = [a, b].map(({ text }) => termsOf(text));
  if (left !== undefined && right !== undefined)
    return left.length === right.length && left.every((term, i) => isCross(term, right[i], left[0], right[0]));
  return isShare(a.text, left, b) || isShare(b.text, right, a);
}

/** `3:4` beside the fraction 3/4; `3 to 4` could be a range there. */
function isShare(text: string, terms: readonly Rational[] | undefined, { text: fraction, quantity }: Stated): boolean {
  const [above, below] = terms ?? [];
  if (terms?.length !== 2 || above === undefined || below === undefined || !text.includes(':')) return false;
  const share = divide(above, below);
  const isFraction = /\/|\\[dt]?frac/.test(fraction) && quantity?.unit === undefined && quantity?.percent === false;
  return isFraction && share !== undefined && equals(share, quantity.value);
}

function isCross(a: Rational, b: Rational | undefined, a0: Rational | undefined, b0: Rational | undefined): boolean {
  return a0 !== undefined && b !== undefined && b0 !== undefined && equals(multiply(a, b0), multiply(b, a0));
}

function termsOf(text: string): Rational[] | undefined {
  if (text.length > LONGEST) return undefined;
  const parts = plainText(text)
    .replaceAll('\\colon', ':')
    .replaceAll('$', '')
    .split(/:|\sto\s/);
  const terms = parts.map((part) => parseQuantity(part));
  const isRatio = terms.every(
    (term) => term?.unit === undefined && term?.percent === false && term.value.numerator > 0n,
  );
  return parts.length > 1 && isRatio ? terms.flatMap((term) => term?.value ?? []) : undefined;
}
