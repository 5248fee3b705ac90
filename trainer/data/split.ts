import { createHash } from 'node:crypto';

export interface Split<T> {
  readonly train: T[];
  readonly validation: T[];
}

/**
 * Splits examples by a hash of their question: an example stays on its side when rows are added, removed or reordered, and the same question is
 * never on both sides. The fraction is met on average; a small data set can leave a side empty.
 *
 * @param validationFraction between 0 and 1
 */
export function splitByHash<T extends { readonly question: string }>(
  examples: readonly T[],
  validationFraction: number,
): Split<T> {
  const train: T[] = [];
  const validation: T[] = [];
  for (const example of examples) (position(example.question) < validationFraction ? validation : train).push(example);
  return { train, validation };
}

/** A number in [0, 1) that depends on the text alone. */
function position(text: string): number {
  return createHash('sha256').update(`split\0${text}`).digest().readUIntBE(0, 6) / 2 ** 48;
}
