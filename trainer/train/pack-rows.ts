/**
 * Puts items into as few rows as it finds, none longer than the longest item: from the longest to the shortest, each goes where it leaves
 * the least room (best-fit decreasing, at most 11/9 of the rows that are needed).
 *
 * @returns the items of each row, by their index
 */
export function packRows(lengths: readonly number[]): number[][] {
  const capacity = Math.max(0, ...lengths);
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
