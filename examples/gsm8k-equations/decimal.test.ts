import fc from 'fast-check';
import { expect, test } from 'vitest';
import { rational } from '../../trainer/verify/rational.ts';
import { formatDecimal, parseDecimal } from './decimal.ts';

test.each([
  ['48', '48'],
  ['.5', '0.5'],
  ['5.00', '5'],
  ['0.25', '0.25'],
  ['1.10', '1.1'],
  ['007', '7'],
])('%s is written %s', (text, expected) => {
  const value = parseDecimal(text);
  expect(value && formatDecimal(value)).toBe(expected);
});

test.each(['', '.', '1,000', '-3', '1e3', ' 1'])('%j is no decimal', (text) => {
  expect(parseDecimal(text)).toBeUndefined();
});

test('up to two decimals are written and read back exactly; more are refused', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 10n ** 9n }), (hundredths) => {
      const value = rational(hundredths, 100n);
      expect(parseDecimal(formatDecimal(value) ?? '')).toEqual(value);
    }),
  );
  expect(formatDecimal(rational(1n, 3n))).toBeUndefined();
  expect(formatDecimal(rational(1n, 1000n))).toBeUndefined();
  expect(formatDecimal(rational(-5n, 4n))).toBe('-1.25');
});
