/**
 * The known name that a misspelt one most likely stands for, or undefined when none is close: case and separators do not count; at
 * most a third of the letters may differ, or the rest be missing after the first three.
 *
 * @example nearest('max_new_token', ['maxNewTokens', 'maxSamples']) // 'maxNewTokens'
 */
export function nearest(name: string, known: readonly string[]): string | undefined {
  const wanted = plain(name);
  let best: { name: string; distance: number } | undefined;
  for (const candidate of known) {
    const letters = plain(candidate);
    const distance = editDistance(wanted, letters);
    const cutShort = wanted.length >= 3 && letters.startsWith(wanted);
    if (distance > Math.max(wanted.length, letters.length) / 3 && !cutShort) continue;
    if (best === undefined || distance < best.distance) best = { name: candidate, distance };
  }
  return best?.name;
}

/** Insertions, deletions, substitutions and swaps of neighbours that turn one text into the other. */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1];
      let cost = Math.min(
        (last[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (last[column - 1] ?? 0) + (same ? 0 : 1),
      );
      const swapped = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      if (swapped) cost = Math.min(cost, (beforeLast[column - 2] ?? 0) + 1);
      current.push(cost);
    }
    beforeLast = last;
    last = current;
  }
  return last[b.length] ?? 0;
}

function plain(name: string): string {
  return name.toLowerCase().replace(/[-_ ]/g, '');
}
