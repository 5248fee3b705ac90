import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type MicroBatch, microBatches, neededShapes } from './micro-batches.ts';
import type { LossNormalization } from './normalization.ts';
import type { WeightedSequence } from './sequence.ts';
import { bucketed } from './shapes.ts';

const sequences: fc.Arbitrary<WeightedSequence[]> = fc
  .array(
    fc.array(fc.record({ id: fc.integer({ min: 1, max: 99 }), weight: fc.constantFrom(0, 0, 0, 1, 0.5) }), {
      minLength: 1,
      maxLength: 40,
    }),
    { maxLength: 12 },
  )
  .map((all) =>
    all.map((tokens) => ({
      ids: tokens.map(({ id }) => id),
      weights: tokens.map(({ weight }, index) => (index === 0 ? 0 : weight)),
      promptLength: 1,
    })),
  );
const normalizations = fc.constantFrom<LossNormalization>('step', 'per-sequence', 'all-tokens');
const sum = (values: Iterable<number>) => [...values].reduce((a, b) => a + b, 0);

/** The weighted predictions of a batch as `prefix -> target * weight`, whatever their order and padding. */
function predictions(batches: readonly MicroBatch[]): string[] {
  return batches
    .flatMap(({ time, ids, positions, rowIndices, targets, weights }) =>
      [...rowIndices].flatMap((row, index) => {
        const weight = weights[index] ?? 0;
        const start = row - (positions?.[row] ?? row % time);
        return weight === 0 ? [] : [`${ids.slice(start, row + 1)} -> ${targets[index]} * ${weight.toPrecision(5)}`];
      }),
    )
    .sort();
}

function expected(all: readonly WeightedSequence[], factor: (sequence: WeightedSequence) => number): string[] {
  return all
    .flatMap((sequence) =>
      sequence.weights.flatMap((weight, position) => {
        const scaled = Math.fround(weight * factor(sequence)).toPrecision(5);
        return weight === 0 ? [] : [`${sequence.ids.slice(0, position)} -> ${sequence.ids[position]} * ${scaled}`];
      }),
    )
    .sort();
}

test('every weighted token is predicted once, from exactly the tokens before it, however a step is split', () => {
  fc.assert(
    fc.property(sequences, fc.integer({ min: 1, max: 5 }), (all, batchSize) => {
      const total = sum(all.flatMap(({ weights }) => weights));
      expect(predictions(microBatches(all, batchSize, 'step'))).toEqual(expected(all, () => 1 / total));
    }),
  );
});

test('packed sequences are predicted from their own tokens alone, in no more rows than they are', () => {
  fc.assert(
    fc.property(sequences, fc.integer({ min: 1, max: 5 }), fc.nat(100), (all, batchSize, rowLength) => {
      const total = sum(all.flatMap(({ weights }) => weights));
      const packed = microBatches(all, batchSize, 'step', bucketed, rowLength);
      expect(predictions(packed)).toEqual(expected(all, () => 1 / total));
      const rows = (batches: readonly { batch: number }[]) => sum(batches.map(({ batch }) => batch));
      expect(rows(neededShapes(all, batchSize, rowLength))).toBeLessThanOrEqual(rows(neededShapes(all, batchSize)));
      for (const { batch } of neededShapes(all, batchSize, rowLength)) expect(batch).toBeLessThanOrEqual(batchSize);
      const read = (batches: readonly MicroBatch[]) => sum(batches.map(({ inputTokens }) => inputTokens));
      expect(read(packed)).toBe(read(microBatches(all, batchSize, 'step')));
    }),
  );
});

test('the weights of a step add up to 1 with step and per-sequence, to the weighted share of the response with all-tokens', () => {
  fc.assert(
    fc.property(sequences, normalizations, (all, normalization) => {
      const total = sum(microBatches(all, 3, normalization).flatMap(({ weights }) => [...weights]));
      const weight = sum(all.flatMap(({ weights }) => weights));
      const tokens = sum(all.map(({ ids }) => Math.max(0, ids.length - 1)));
      if (weight === 0) expect(total).toBe(0);
      else if (normalization !== 'all-tokens') expect(total).toBeCloseTo(1, 5);
      else if (tokens > 0) expect(total).toBeCloseTo(weight / tokens, 4);
    }),
  );
});

test('per-sequence gives each sequence that has weight the same say', () => {
  const [batch] = microBatches(
    [
      { ids: [1, 2, 3, 4], weights: [0, 1, 1, 1] },
      { ids: [5, 6], weights: [0, 1] },
      { ids: [7, 8], weights: [0, 0] },
    ],
    4,
    'per-sequence',
  );
  expect([...(batch?.weights ?? [])].filter((weight) => weight > 0).map((weight) => weight.toFixed(4))).toEqual([
    '0.1667',
    '0.1667',
    '0.1667',
    '0.5000',
  ]);
});

test('all-tokens counts weighted prompt tokens too, so that it never divides by nothing', () => {
  const [batch] = microBatches([{ ids: [1, 2], weights: [0, 1], promptLength: 2 }], 1, 'all-tokens');
  expect(batch?.weights[0]).toBe(1);
});

test('sequences are cut after their last weighted token, and samples without weight cost nothing', () => {
  const batches = microBatches(
    [
      { ids: Array(100).fill(9), weights: [0, 1, ...Array(98).fill(0)] },
      { ids: Array(100).fill(9), weights: Array(100).fill(0) },
    ],
    8,
    'step',
  );
  expect(batches.map(({ batch, time, rows, inputTokens }) => ({ batch, time, rows, inputTokens }))).toEqual([
    { batch: 1, time: 16, rows: 16, inputTokens: 1 },
  ]);
});

test('a step without weight has no micro-batch', () => {
  expect(microBatches([{ ids: [1, 2], weights: [0, 0] }], 4, 'per-sequence')).toEqual([]);
  expect(microBatches([], 4, 'step')).toEqual([]);
});
