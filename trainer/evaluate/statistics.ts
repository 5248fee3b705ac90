/** Bounds of a proportion, both in [0, 1]. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** Two-sided 95 % quantile of the standard normal distribution. */
const Z95 = 1.959963984540054;

/**
 * Wilson's score interval of a proportion at 95 % (E. B. Wilson, JASA 1927). Sound for few trials and for proportions near 0 and 1.
 *
 * @param successes at most `trials`; may be a mean over seeds, so need not be whole
 */
export function wilsonInterval(successes: number, trials: number): Interval {
  if (trials === 0) return { low: 0, high: 1 };
  const p = successes / trials;
  const scale = 1 + Z95 ** 2 / trials;
  const centre = (p + Z95 ** 2 / (2 * trials)) / scale;
  const half = (Z95 * Math.sqrt((p * (1 - p)) / trials + (Z95 / (2 * trials)) ** 2)) / scale;
  return { low: Math.max(0, centre - half), high: Math.min(1, centre + half) };
}

/**
 * Unbiased estimate of pass@k, the chance that at least one of k samples is right, from n samples of which c are
 * (Chen et al., arXiv 2107.03374): 1 - C(n - c, k) / C(n, k), as a product that does not overflow.
 */
export function passAtK(n: number, c: number, k: number): number {
  if (n - c < k) return 1;
  let miss = 1;
  for (let i = n - c + 1; i <= n; i++) miss *= 1 - k / i;
  return 1 - miss;
}

/** Arithmetic mean; NaN of nothing. */
export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
