import fc from 'fast-check';
import { expect, test } from 'vitest';
import { bfloat16Bits, packBfloat16, unpackBfloat16 } from './bfloat16.ts';

const roundTrip = (values: readonly number[]) => [...unpackBfloat16(packBfloat16(Float32Array.from(values)))];

test('values that bfloat16 has come back exactly, signs, zeros, infinities and NaN too', () => {
  const values = [1, -1, 0, -0, 0.5, -3.140625, 2 ** 127, 2 ** -126, 2 ** -133, Infinity, -Infinity, Number.NaN];
  expect(roundTrip(values)).toEqual(values);
});

test('others become the nearest: within 1/256 of them, halves to the even one', () => {
  const normal = fc.float({ noNaN: true, noDefaultInfinity: true, min: 2 ** -100, max: 2 ** 100 });
  fc.assert(
    fc.property(normal, normal, (a, b) => {
      const [x = 0, y = 0] = roundTrip([a, -b]);
      expect(Math.abs(x - a)).toBeLessThanOrEqual(a / 256);
      expect(Math.abs(y + b)).toBeLessThanOrEqual(b / 256);
      expect(roundTrip([x, y])).toEqual([x, y]);
    }),
  );
  expect(roundTrip([1 + 1 / 256, 1 + 3 / 256])).toEqual([1, 1 + 2 / 128]);
  expect(bfloat16Bits(0x3f80_8001)).toBe(0x3f81);
});
