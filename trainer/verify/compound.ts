import { measured, measureOf } from './measures.ts';
import type { Quantity } from './quantity.ts';
import { add, divide, type Rational } from './rational.ts';

/** Between the parts of `1 hour, 5 minutes and 30 seconds`. */
export const BETWEEN_PARTS = /(?:,\s*(?:and\s+)?|\s+and\s+|\s+)(?=\d)/;
/** `1 hour and `, directly before its next part. */
export const PARTS_BEFORE = /(?:(?<![\p{L}\d.,])\d[\d.,]*\s?\p{L}+(?:,\s*(?:and\s+)?|\s+and\s+|\s+))+$/u;

/**
 * What `1 hour 30 minutes` and `5 feet 3 inches` are in the unit of their last part.
 *
 * @returns undefined where the parts are no parts of one quantity: their units must measure the same and get smaller, and no part may be as large as
 * the unit before it
 */
export function joined(parts: readonly (Quantity | undefined)[]): Quantity | undefined {
  let sum: Rational | undefined;
  let unit: Quantity['unit'];
  for (const part of parts) {
    const measure = measureOf(part?.unit);
    if (part === undefined || measure === undefined || part.value.numerator < 0n) return undefined;
    const size = measured(part.value, measure);
    const before = measureOf(unit);
    if (before !== undefined && (before.kind !== measure.kind || !isLess(size, before.size))) return undefined;
    sum = sum === undefined ? size : add(sum, size);
    unit = part.unit;
  }
  const value = sum === undefined ? undefined : divide(sum, (measureOf(unit) as { size: Rational }).size);
  return parts.length < 2 || value === undefined ? undefined : { value, percent: false, unit };
}

function isLess(a: Rational, b: Rational): boolean {
  return a.numerator * b.denominator < b.numerator * a.denominator;
}
