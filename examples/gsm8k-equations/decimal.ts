import { decimal, formatRational, type Rational } from '../../trainer/verify/rational.ts';

/** Reads a plain decimal: `48`, `0.25`, `.5`, `5.00`. Anything else, signs included, is `undefined`. */
export function parseDecimal(text: string): Rational | undefined {
  const match = /^(\d*)(?:\.(\d*))?$/.exec(text);
  const [, whole = '', fraction = ''] = match ?? [];
  return whole + fraction === '' ? undefined : decimal(whole, fraction);
}

/** Writes a number of at most two decimals, without trailing zeros; `undefined` for one that needs more. */
export function formatDecimal(value: Rational): string | undefined {
  return 100n % value.denominator === 0n ? formatRational(value) : undefined;
}
