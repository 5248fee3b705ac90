/** One row of the table: how many times as fast we are as the peer, as the median over pairs. */
export interface Comparison {
  readonly name: string;
  readonly peer: string;
  /** Seconds. */
  readonly ours: number;
  readonly theirs: number;
  /** Median, smallest and largest of the pairs' ratios theirs / ours: above 1 we are faster. */
  readonly ratio: number;
  readonly low: number;
  readonly high: number;
  /** What was checked to be the same on both sides. */
  readonly same: string;
}

/** Both sides in turn, so that a machine whose speed drifts slows both; each is run once before, uncounted. */
export async function compare(
  names: Pick<Comparison, 'name' | 'peer' | 'same'>,
  pairs: number,
  ours: () => Promise<number>,
  theirs: () => Promise<number>,
): Promise<Comparison> {
  await ours();
  await theirs();
  const measured: { ours: number; theirs: number }[] = [];
  for (let pair = 0; pair < pairs; pair++) measured.push({ ours: await ours(), theirs: await theirs() });
  return withRatios(
    names,
    measured.map((pair) => pair.ours),
    measured.map((pair) => pair.theirs),
  );
}

/** A row from the seconds of both sides, pair by pair. */
export function withRatios(
  names: Pick<Comparison, 'name' | 'peer' | 'same'>,
  ours: readonly number[],
  theirs: readonly number[],
): Comparison {
  const ratios = ours.map((time, pair) => (theirs[pair] as number) / time);
  return {
    ...names,
    ours: median(ours),
    theirs: median(theirs),
    ratio: median(ratios),
    low: Math.min(...ratios),
    high: Math.max(...ratios),
  };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}

/** Seconds that a function takes. */
export async function seconds(work: () => unknown): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}
