import fc from 'fast-check';
import { expect, test } from 'vitest';
import { packRows } from './pack-rows.ts';

const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);

test('every item is in one row, no row is longer than it may be, and no two rows would fit into one', () => {
  const items = fc.array(fc.integer({ min: 1, max: 500 }), { maxLength: 60 });
  fc.assert(
    fc.property(items, fc.nat(1000), (lengths, rowLength) => {
      const rows = packRows(lengths, rowLength);
      expect(rows.flat().sort((a, b) => a - b)).toEqual([...lengths.keys()]);
      const filled = rows.map((row) => sum(row.map((item) => lengths[item] as number))).sort((a, b) => a - b);
      const most = Math.max(rowLength, ...lengths);
      for (const length of filled) expect(length).toBeLessThanOrEqual(most);
      const [first, second] = filled;
      if (first !== undefined && second !== undefined) expect(first + second).toBeGreaterThan(most);
    }),
  );
});

test('a short item goes where it leaves the least room', () => {
  expect(packRows([10, 6, 7, 3, 4], 10)).toEqual([[0], [2, 3], [1, 4]]);
});
