/**
 * Puts items into as few rows as it finds: from the longest to the shortest, each goes where it leaves the least room (best-fit
 * decreasing, at most 11/9 of the rows that are needed).
 *
 * @param rowLength of a row; the longest item where that is longer
 * @returns the items of each row, by their index
 */
export function packRows(lengths: readonly number[], rowLength: number): number[][] {
  const capacity = Math.max(rowLength, ...lengths);
  const rows: { room: number; readonly items: number[] }[] = [];
  const longestFirst = [...lengths.entries()].sort(([, a], [, b]) => b - a);
  for (const [item, length] of longestFirst) {
    let best: (typeof rows)[number] | undefined;
    for (const row of rows) if (row.room >= length && row.room < (best?.room ?? Number.POSITIVE_INFINITY)) best = row;
    if (best === undefined) {
      best = { room: capacity, items: [] };
      rows.push(best);
    }
    best.items.push(item);
    best.room -= length;
  }
  return rows.map(({ items }) => items);
}
