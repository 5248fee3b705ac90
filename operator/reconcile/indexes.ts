/**
 * The indexes in a Job's `completedIndexes` or `failedIndexes`.
 *
 * @example [...parseIndexes('0,2-4')] // [0, 2, 3, 4]
 */
export function parseIndexes(text: string | undefined): Set<number> {
  const indexes = new Set<number>();
  for (const part of (text ?? '').split(',')) {
    if (part === '') continue;
    const [first, last = first] = part.split('-').map(Number);
    for (let index = first ?? 0; index <= (last ?? -1); index++) indexes.add(index);
  }
  return indexes;
}
