import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { splitByHash } from './split.ts';

const example = fc.record({ id: fc.string(), question: fc.string() });
const fraction = fc.double({ min: 0, max: 1, noNaN: true });

describe('the split', () => {
  test('of each example is the same in any data set and order', () => {
    fc.assert(
      fc.property(fc.array(example), fc.array(example), fraction, (some, more, part) => {
        const before = splitByHash(some, part);
        const after = splitByHash([...more, ...some.toReversed()], part);
        for (const side of ['train', 'validation'] as const)
          expect(after[side]).toEqual(expect.arrayContaining(before[side]));
        expect(after.train.length + after.validation.length).toBe(some.length + more.length);
      }),
    );
  });

  test('never has a question on both sides', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ id: fc.string(), question: fc.constantFrom('a', 'b', 'c') })),
        fraction,
        (some, part) => {
          const { train, validation } = splitByHash(some, part);
          const asked = new Set(train.map(({ question }) => question));
          expect(validation.filter(({ question }) => asked.has(question))).toEqual([]);
        },
      ),
    );
  });

  test('grows with the fraction: what was kept out stays out', () => {
    fc.assert(
      fc.property(fc.array(example), fraction, fraction, (some, a, b) => {
        const [small, large] = [splitByHash(some, Math.min(a, b)), splitByHash(some, Math.max(a, b))];
        expect(large.validation).toEqual(expect.arrayContaining(small.validation));
      }),
    );
  });

  test('meets the fraction on average, keeps the order, and none and all at the ends', () => {
    const many = Array.from({ length: 10_000 }, (_, i) => ({ question: `question ${i}` }));
    const { train, validation } = splitByHash(many, 0.1);
    expect(validation.length).toBeGreaterThan(900);
    expect(validation.length).toBeLessThan(1100);
    expect(train).toEqual(many.filter((one) => !validation.includes(one)));
    expect(splitByHash(many, 0).validation).toEqual([]);
    expect(splitByHash(many, 1).train).toEqual([]);
  });
});
