import fc from 'fast-check';
import { expect, test } from 'vitest';
import { extent, niceDomain, position, ticks } from './scale.ts';

const finite = fc.double({ min: -1e9, max: 1e9, noNaN: true });

test('a nice domain covers the values and has its ticks inside, evenly spaced', () => {
  fc.assert(
    fc.property(finite, finite, (a, b) => {
      const values = { from: Math.min(a, b), to: Math.max(a, b) };
      fc.pre(
        values.from === values.to || (values.to - values.from) / Math.max(1e-300, Math.abs(a), Math.abs(b)) > 1e-6,
      );
      const domain = niceDomain(values);
      const room = (domain.to - domain.from) * 1e-6;
      expect(domain.from).toBeLessThanOrEqual(values.from + room);
      expect(domain.to).toBeGreaterThanOrEqual(values.to - room);
      const at = ticks(domain);
      expect(at.length).toBeGreaterThanOrEqual(2);
      expect(at.length).toBeLessThanOrEqual(8);
      for (const tick of at) {
        expect(position(tick, domain)).toBeGreaterThanOrEqual(-1e-6);
        expect(position(tick, domain)).toBeLessThanOrEqual(1 + 1e-6);
      }
    }),
  );
});

test('ticks are round numbers', () => {
  expect(ticks({ from: 0, to: 0.8 })).toEqual([0, 0.2, 0.4, 0.6, 0.8]);
  expect(ticks({ from: 0, to: 240 }, 5)).toEqual([0, 50, 100, 150, 200]);
  expect(niceDomain({ from: 0.537, to: 0.663 })).toEqual({ from: 0.5, to: 0.7 });
  expect(niceDomain({ from: 0, to: 0 })).toEqual({ from: -1, to: 1 });
});

test('the extent leaves out what is not a number', () => {
  expect(extent([Number.NaN, 2, Number.POSITIVE_INFINITY, -1])).toEqual({ from: -1, to: 2 });
  expect(extent([Number.NaN])).toBeUndefined();
});
