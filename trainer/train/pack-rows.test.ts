import fc from 'fast-check';
import { expect, test } from 'vitest';
import { packRows } from './pack-rows.ts';

const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);

test('every item is in one row, no row is longer than the longest item, and no two rows would fit into one', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 500 }), { maxLength: 60 }), (lengths) => {
      const rows = packRows(lengths);
      expect(rows.flat().sort((a, b) => a - b)).toEqual([...lengths.keys()]);
      const filled = rows.map((row) => sum(row.map((item) => lengths[item] as number))).sort((a, b) => a - b);
      const longest = Math.max(0, ...lengths);
      for (const length of filled) expect(length).toBeLessThanOrEqual(longest);
      const [first, second] = filled;
      if (first !== undefined && second !== undefined) expect(first + second).toBeGreaterThan(longest);
    }),
  );
});

test('a short item goes where it leaves the least room', () => {
  expect(packRows([10, 6, 7, 3, 4])).toEqual([[0], [2, 3], [1, 4]]);
});
