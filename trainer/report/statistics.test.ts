import fc from 'fast-check';
import { expect, test } from 'vitest';
import { crossTable, differences, independentDifference, mcnemar, pairedDifference, pairedMean } from './statistics.ts';

const table = (onlyFirst: number, onlySecond: number, both = 50, neither = 50) => ({
  both,
  onlyFirst,
  onlySecond,
  neither,
});

test('McNemar p-values are those of the exact binomial test', () => {
  // 2 * sum(comb(n, i) for i in range(min(b, c) + 1)) / 2 ** n, in exact arithmetic
  const known: [number, number, number][] = [
    [0, 0, 1],
    [5, 5, 1],
    [2, 10, 0.03857421875],
    [19, 50, 0.000244397017],
    [39, 41, 0.911072121],
    [1200, 1300, 0.047681865],
  ];
  for (const [b, c, p] of known) {
    expect(mcnemar(table(b, c))).toBeCloseTo(p, 9);
    expect(mcnemar(table(c, b))).toBeCloseTo(p, 9);
  }
});

test('a p-value stays in (0, 1] however many questions differ', () => {
  fc.assert(
    fc.property(fc.nat(20_000), fc.nat(20_000), (b, c) => {
      const p = mcnemar(table(b, c));
      expect(p).toBeGreaterThanOrEqual(0);
      expect(p).toBeLessThanOrEqual(1);
    }),
  );
});

test('a paired interval turns over with its order, and holds the difference when the sample is not tiny', () => {
  fc.assert(
    fc.property(fc.nat(300), fc.nat(300), fc.nat(500), fc.nat(500), (b, c, both, neither) => {
      const there = pairedDifference(table(b, c, both, neither));
      const back = pairedDifference(table(c, b, both, neither));
      expect(there.low).toBeCloseTo(-back.high, 12);
      const n = b + c + both + neither;
      if (n > 0) {
        expect(there.low).toBeLessThanOrEqual((c - b) / n + 2 / n);
        expect(there.high).toBeGreaterThanOrEqual((c - b) / n - 2 / n);
      }
    }),
  );
});

test('the mean of paired differences has the interval and p-value of the z-test', () => {
  // mean 0.2, standard deviation 0.4216 over 10 questions: standard error 0.1333, z 1.5
  const { mean, low, high, p } = pairedMean([1, 0, 0, 0, 1, 0, 0, 0, 0, 0]);
  expect(mean).toBeCloseTo(0.2, 12);
  expect(low).toBeCloseTo(0.2 - 1.959964 * 0.133333, 5);
  expect(high).toBeCloseTo(0.2 + 1.959964 * 0.133333, 5);
  expect(p).toBeCloseTo(0.133614, 5);
  expect(pairedMean([0, 0, 0]).p).toBe(1);
  expect(pairedMean([0.5, 0.5]).p).toBe(0);
});

test("Newcombe's interval for independent shares has the value of his paper", () => {
  // R. G. Newcombe (1998), method 10, example 56/70 against 48/80: 0.0524 to 0.3339
  const first = { accuracy: 48 / 80, low: 0.49038, high: 0.70037 };
  const second = { accuracy: 56 / 70, low: 0.69156, high: 0.87722 };
  const { low, high } = independentDifference(first, second);
  expect(low).toBeCloseTo(0.0524, 3);
  expect(high).toBeCloseTo(0.3339, 3);
});

test('only questions that both answered are compared', () => {
  const first = new Map([
    ['a', 1],
    ['b', 1],
    ['c', 0],
    ['only here', 1],
  ]);
  const second = new Map([
    ['c', 1],
    ['b', 0],
    ['a', 1],
    ['only there', 0],
  ]);
  expect(crossTable(first, second)).toEqual({ both: 1, onlyFirst: 1, onlySecond: 1, neither: 0 });
  expect(differences(first, second)).toEqual([0, -1, 1]);
});
