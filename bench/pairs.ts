/** How values of a row are written. */
export const UNITS = {
  seconds: (value: number) => (value < 1 ? `${(1000 * value).toPrecision(3)} ms` : `${value.toPrecision(3)} s`),
  bytes: (value: number) => `${(value / 2 ** 30).toFixed(2)} GiB`,
  share: (value: number) => `${(100 * value).toFixed(0)} %`,
} as const;

/** What a row says in words. */
export interface Names {
  readonly name: string;
  readonly peer: string;
  /** What was checked to be the same on both sides, or what both sides are measured on. */
  readonly same: string;
}

/** One row of the table: how many times as good we are as the peer, as the median over pairs. */
export interface Comparison extends Names {
  readonly unit: keyof typeof UNITS;
  readonly ours: number;
  readonly theirs: number;
  /** Median, smallest and largest of the pairs' ratios: above 1 we are faster, or smaller. */
  readonly ratio: number;
  readonly low: number;
  readonly high: number;
}

/** A row that can't be measured on this machine, and why. */
export interface LeftOut extends Pick<Names, 'name' | 'peer'> {
  readonly leftOut: string;
}

export type Row = Comparison | LeftOut;

/**
 * Both sides in turn, so that a machine whose speed drifts slows both: ours first in one pair, second in the next. Neither is warmed up:
 * whoever asks has run both before, to check that they do the same.
 */
export async function compare(
  names: Names,
  pairs: number,
  ours: () => Promise<number>,
  theirs: () => Promise<number>,
): Promise<Comparison> {
  const run = { ours, theirs };
  const measured = { ours: [] as number[], theirs: [] as number[] };
  for (let pair = 0; pair < pairs; pair++)
    for (const side of pair % 2 === 0 ? (['ours', 'theirs'] as const) : (['theirs', 'ours'] as const))
      measured[side].push(await run[side]());
  return withRatios(names, measured.ours, measured.theirs);
}

/** A row from what both sides needed, pair by pair. */
export function withRatios(
  names: Names,
  ours: readonly number[],
  theirs: readonly number[],
  unit: 'seconds' | 'bytes' = 'seconds',
): Comparison {
  const ratios = ours.map((needed, pair) => (theirs[pair] as number) / needed);
  return {
    ...{ ...names, unit },
    ...{ ours: median(ours), theirs: median(theirs) },
    ...{ ratio: median(ratios), low: Math.min(...ratios), high: Math.max(...ratios) },
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
