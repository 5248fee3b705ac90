import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { narrow, widening } from './dtypes.ts';

const allHalves = Uint16Array.from({ length: 65_536 }, (_, half) => half);

function widen(halves: Uint16Array<ArrayBuffer>, dtype: 'float16' | 'bfloat16'): Float32Array {
  const values = new Float32Array(halves.length);
  widening(dtype)(new Uint8Array(halves.buffer), values);
  return values;
}

/** The value of a 16-bit float by the definition of IEEE 754. */
function valueOfBits(half: number, exponentBits: number): number {
  const fractionBits = 15 - exponentBits;
  const bias = 2 ** (exponentBits - 1) - 1;
  const exponent = (half >> fractionBits) & (2 ** exponentBits - 1);
  const fraction = (half & (2 ** fractionBits - 1)) / 2 ** fractionBits;
  const sign = half & 0x8000 ? -1 : 1;
  if (exponent === 2 ** exponentBits - 1) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (exponent === 0 ? fraction * 2 ** (1 - bias) : (1 + fraction) * 2 ** (exponent - bias));
}

describe.each([
  ['float16' as const, 5],
  ['bfloat16' as const, 8],
])('%s', (dtype, exponentBits) => {
  const values = widen(allHalves, dtype);
  const finite = allHalves.filter((half) => Number.isFinite(valueOfBits(half, exponentBits)));

  test('widening gives every value exactly', () => {
    for (const half of allHalves) expect(values[half]).toBe(valueOfBits(half, exponentBits));
  });

  test('narrowing what was widened gives the same bits', () => {
    const bytes = narrow(widen(finite.slice(), dtype), dtype);
    expect(new Uint16Array(bytes.buffer)).toEqual(finite);
  });

  test('narrowing rounds to the nearest value, ties to even', () => {
    const largest = valueOfBits(0x7fff - 2 ** (15 - exponentBits), exponentBits);
    fc.assert(
      fc.property(fc.float({ noNaN: true, min: -Math.fround(largest), max: Math.fround(largest) }), (x) => {
        const half = new Uint16Array(narrow(Float32Array.of(x), dtype).buffer)[0] as number;
        const error = Math.abs(valueOfBits(half, exponentBits) - x);
        for (const neighbour of [half - 1, half + 1]) {
          if ((neighbour & 0x8000) !== (half & 0x8000) || neighbour < 0) continue;
          const other = Math.abs(valueOfBits(neighbour, exponentBits) - x);
          expect(error === other ? half & 1 : error < other ? 0 : 1).toBe(0);
        }
      }),
      { numRuns: 2000 },
    );
  });

  test('keeps NaN, and refuses a finite value that it can not hold', () => {
    expect(widen(new Uint16Array(narrow(Float32Array.of(Number.NaN), dtype).buffer as ArrayBuffer), dtype)).toEqual(
      Float32Array.of(Number.NaN),
    );
    expect(() => narrow(Float32Array.of(3.4e38), dtype)).toThrow(expect.objectContaining({ code: 'NotFinite' }));
  });
});
