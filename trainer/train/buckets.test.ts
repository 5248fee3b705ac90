import fc from 'fast-check';
import { expect, test } from 'vitest';
import { bucketOf } from './buckets.ts';

const lengths = fc.integer({ min: 0, max: 100_000 });
const grids = fc.record({ least: fc.constantFrom(1, 4, 16, 32), perOctave: fc.constantFrom(1, 2, 4) });

test('a bucket holds its length, and the share of padding is bounded', () => {
  fc.assert(
    fc.property(lengths, grids, (length, { least, perOctave }) => {
      const size = bucketOf(length, least, perOctave);
      expect(size).toBeGreaterThanOrEqual(length);
      expect(size % least).toBe(0);
      if (length > perOctave * least) expect(size - length).toBeLessThan(size / (perOctave + 1));
    }),
  );
});

test('a bucket is its own bucket, and longer lengths never get smaller ones', () => {
  fc.assert(
    fc.property(lengths, grids, (length, { least, perOctave }) => {
      const size = bucketOf(length, least, perOctave);
      expect(bucketOf(size, least, perOctave)).toBe(size);
      expect(bucketOf(length + 1, least, perOctave)).toBeGreaterThanOrEqual(size);
    }),
  );
});

test('a thousand lengths share few sizes', () => {
  const sizes = (perOctave: number) => [
    ...new Set(Array.from({ length: 1000 }, (_, index) => bucketOf(index + 1, 16, perOctave))),
  ];
  expect(sizes(4)).toEqual([
    16, 32, 48, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 640, 768, 896, 1024,
  ]);
  expect(sizes(2)).toEqual([16, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024]);
  expect(sizes(1)).toEqual([16, 32, 64, 128, 256, 512, 1024]);
});
