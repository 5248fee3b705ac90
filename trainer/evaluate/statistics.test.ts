import fc from 'fast-check';
import { expect, test } from 'vitest';
import { mean, passAtK, wilsonInterval } from './statistics.ts';

test('Wilson intervals have the values of the textbook formula', () => {
  // scipy.stats.binomtest(k, n).proportion_ci(method='wilson')
  const known: [number, number, number, number][] = [
    [0, 10, 0, 0.2775327998628892],
    [5, 10, 0.236593090512564, 0.7634069094874361],
    [10, 10, 0.7224672001371106, 1],
    [700, 1245, 0.5345416707980244, 0.5895733631041729],
  ];
  for (const [successes, trials, low, high] of known) {
    expect(wilsonInterval(successes, trials).low).toBeCloseTo(low, 12);
    expect(wilsonInterval(successes, trials).high).toBeCloseTo(high, 12);
  }
});

test('an interval holds its proportion and narrows with more trials', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5000 }), fc.double({ min: 0, max: 1, noNaN: true }), (trials, share) => {
      const successes = Math.round(share * trials);
      const { low, high } = wilsonInterval(successes, trials);
      expect(low).toBeLessThanOrEqual(successes / trials + 1e-12);
      expect(high).toBeGreaterThanOrEqual(successes / trials - 1e-12);
      const wider = wilsonInterval(successes * 4, trials * 4);
      expect(wider.high - wider.low).toBeLessThan(high - low);
    }),
  );
});

test('pass@k is the share of k-subsets that hold a right sample', () => {
  for (let n = 1; n <= 8; n++)
    for (let c = 0; c <= n; c++)
      for (let k = 1; k <= n; k++) {
        const subsets = subsetsOf(n, k);
        const hits = subsets.filter((subset) => subset.some((i) => i < c)).length;
        expect(passAtK(n, c, k)).toBeCloseTo(hits / subsets.length, 10);
      }
});

test('pass@1 is the share of right samples, also where binomials overflow', () => {
  expect(passAtK(1000, 300, 1)).toBeCloseTo(0.3, 12);
  expect(passAtK(1000, 1, 1000)).toBe(1);
  expect(mean([1, 2, 6])).toBe(3);
});

function subsetsOf(n: number, k: number): number[][] {
  const all = Array.from({ length: 2 ** n }, (_, mask) =>
    Array.from({ length: n }, (_, i) => i).filter((i) => (mask >> i) & 1),
  );
  return all.filter((subset) => subset.length === k);
}
