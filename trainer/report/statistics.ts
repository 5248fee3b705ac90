import type { Interval } from '../evaluate/statistics.ts';

export type { Interval };

/** How two variants did on the same questions: only where they differ is there evidence. */
export interface Paired {
  readonly both: number;
  readonly onlyFirst: number;
  readonly onlySecond: number;
  readonly neither: number;
}

/** Share of right answers by question: 0 or 1 for one answer, between them for the mean of several trainings. */
export type Scores = ReadonlyMap<string, number>;

const Z = 1.959963984540054;

/** Differences (second - first) on the questions that both answered, in the order of the first. */
export function differences(first: Scores, second: Scores): number[] {
  const result: number[] = [];
  for (const [id, score] of first) {
    const other = second.get(id);
    if (other !== undefined) result.push(other - score);
  }
  return result;
}

/** Counts agreement on the questions that both answered. Scores must be 0 or 1. */
export function crossTable(first: Scores, second: Scores): Paired {
  const cells = { both: 0, onlyFirst: 0, onlySecond: 0, neither: 0 };
  for (const [id, score] of first) {
    const other = second.get(id);
    if (other === undefined) continue;
    if (score === 1) cells[other === 1 ? 'both' : 'onlyFirst']++;
    else cells[other === 1 ? 'onlySecond' : 'neither']++;
  }
  return cells;
}

/**
 * Two-sided exact p-value of McNemar's test: how often a fair coin splits the differing questions at least this unevenly.
 * 1 when nothing differs.
 */
export function mcnemar({ onlyFirst, onlySecond }: Paired): number {
  const n = onlyFirst + onlySecond;
  const few = Math.min(onlyFirst, onlySecond);
  let logTerm = -n * Math.LN2;
  let tail = 0;
  for (let i = 0; i <= few; i++) {
    tail += Math.exp(logTerm);
    logTerm += Math.log((n - i) / (i + 1));
  }
  return Math.min(1, 2 * tail);
}

/** 95 % interval of (second - first) on the same questions: Wald with half a count added to each cell (Agresti and Min, 2005). */
export function pairedDifference({ both, onlyFirst, onlySecond, neither }: Paired): Interval {
  const n = both + onlyFirst + onlySecond + neither + 2;
  const [b, c] = [onlyFirst + 0.5, onlySecond + 0.5];
  const centre = (c - b) / n;
  const margin = (Z * Math.sqrt(Math.max(0, b + c - (c - b) ** 2 / n))) / n;
  return { low: Math.max(-1, centre - margin), high: Math.min(1, centre + margin) };
}

/** Mean of paired differences with its 95 % interval and two-sided p-value, by the normal approximation; for scores that are means. */
export function pairedMean(values: readonly number[]): Interval & { mean: number; p: number } {
  const n = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / Math.max(1, n - 1);
  const error = Math.sqrt(variance / n);
  const p = error === 0 ? (mean === 0 ? 1 : 0) : 2 * (1 - normal(Math.abs(mean) / error));
  return { mean, low: mean - Z * error, high: mean + Z * error, p };
}

/** 95 % interval of (second - first) for independent shares, from their Wilson intervals (Newcombe, 1998, method 10). */
export function independentDifference(
  first: Interval & { accuracy: number },
  second: Interval & { accuracy: number },
): Interval {
  const difference = second.accuracy - first.accuracy;
  return {
    low: difference - Math.hypot(second.accuracy - second.low, first.high - first.accuracy),
    high: difference + Math.hypot(second.high - second.accuracy, first.accuracy - first.low),
  };
}

/** Standard normal distribution function, absolute error below 1e-7 (Abramowitz and Stegun, 26.2.17). For z >= 0. */
function normal(z: number): number {
  const t = 1 / (1 + 0.2316419 * z);
  const poly = t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  return 1 - (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) * poly;
}
