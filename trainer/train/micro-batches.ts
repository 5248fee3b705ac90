import { bucketOf } from './buckets.ts';
import { type LossNormalization, lossFactors } from './normalization.ts';
import { inputLength, type WeightedSequence } from './sequence.ts';

/** Sizes that a compiled program is made for. */
export interface BatchShape {
  /** Sequences. */
  readonly batch: number;
  /** Input tokens of each sequence. */
  readonly time: number;
  /** Predicted tokens of all sequences. */
  readonly rows: number;
}

/** What one forward and backward pass reads. Padding rows have weight 0. */
export interface MicroBatch extends BatchShape {
  /** [batch * time] input tokens; right padding is 0. */
  readonly ids: Int32Array;
  /** [rows] which of the batch * time positions predict a weighted token. */
  readonly rowIndices: Int32Array;
  /** [rows] the tokens to predict. */
  readonly targets: Int32Array;
  /** [rows] weights with the step's normalisation in them: the loss is the plain sum of weight times negative log-likelihood. */
  readonly weights: Float32Array;
  /** Input tokens and predicted tokens that are not padding. */
  readonly inputTokens: number;
  readonly predictedTokens: number;
}

const LEAST_TIME = 16;
const LEAST_ROWS = 16;

/**
 * Splits the sequences of one optimizer step into micro-batches. Each sequence is cut after its last weighted position, those without
 * weight are left out, and the others are sorted by length, so that neighbours share their padding. The sum of the micro-batches' losses
 * and gradients is that of the step computed in full.
 *
 * @param batchSize sequences of a micro-batch at most
 * @returns none if no token of the step has weight
 */
export function microBatches(
  sequences: readonly WeightedSequence[],
  batchSize: number,
  normalization: LossNormalization,
): MicroBatch[] {
  const factors = lossFactors(sequences, normalization);
  const useful = sequences
    .map((sequence, index) => ({ sequence, factor: factors[index] ?? 0, length: inputLength(sequence) }))
    .filter(({ length }) => length > 0)
    .sort((a, b) => b.length - a.length);
  return chunks(useful, batchSize).map((chunk) => microBatch(chunk, batchSize));
}

interface Scaled {
  readonly sequence: WeightedSequence;
  readonly factor: number;
  readonly length: number;
}

function microBatch(entries: readonly Scaled[], batchSize: number): MicroBatch {
  const rows: { index: number; target: number; weight: number }[] = [];
  const batch = Math.min(batchSize, bucketOf(entries.length, 1, 1));
  const time = bucketOf(Math.max(...entries.map(({ length }) => length)), LEAST_TIME, 4);
  const ids = new Int32Array(batch * time);
  for (const [place, { sequence, factor, length }] of entries.entries()) {
    ids.set(sequence.ids.slice(0, length), place * time);
    for (let position = 1; position <= length; position++) {
      const weight = sequence.weights[position] ?? 0;
      const target = sequence.ids[position] ?? 0;
      if (weight !== 0) rows.push({ index: place * time + position - 1, target, weight: weight * factor });
    }
  }
  const size = bucketOf(rows.length, LEAST_ROWS, 2);
  const padded = <T extends Int32Array | Float32Array>(array: T, values: readonly number[]): T => {
    array.set(values);
    return array;
  };
  return {
    batch,
    time,
    rows: size,
    ids,
    rowIndices: padded(
      new Int32Array(size),
      rows.map(({ index }) => index),
    ),
    targets: padded(
      new Int32Array(size),
      rows.map(({ target }) => target),
    ),
    weights: padded(
      new Float32Array(size),
      rows.map(({ weight }) => weight),
    ),
    inputTokens: entries.reduce((sum, { length }) => sum + length, 0),
    predictedTokens: rows.length,
  };
}

function chunks<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  );
}
