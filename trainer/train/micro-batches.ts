import { type LossNormalization, lossFactors } from './normalization.ts';
import { inputLength, type WeightedSequence, weightedTokens } from './sequence.ts';
import { type BatchShape, bucketed, type ShapeChoice } from './shapes.ts';

export type { BatchShape } from './shapes.ts';

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

/**
 * Splits the sequences of one optimizer step into micro-batches. Each sequence is cut after its last weighted position, those without
 * weight are left out, and the others are sorted by length, so that neighbours share their padding. The sum of the micro-batches' losses
 * and gradients is that of the step computed in full.
 *
 * @param batchSize sequences of a micro-batch at most
 * @param choose    padded shape of each micro-batch
 * @returns none if no token of the step has weight
 */
export function microBatches(
  sequences: readonly WeightedSequence[],
  batchSize: number,
  normalization: LossNormalization,
  choose: ShapeChoice = bucketed,
): MicroBatch[] {
  const factors = new Map(lossFactors(sequences, normalization).map((factor, index) => [sequences[index], factor]));
  return groups(sequences, batchSize).map((group) => pack(group, choose(shapeOf(group)), (of) => factors.get(of) ?? 0));
}

/** The shapes without padding that {@link microBatches} needs for a step. */
export function neededShapes(sequences: readonly WeightedSequence[], batchSize: number): BatchShape[] {
  return groups(sequences, batchSize).map(shapeOf);
}

function groups(sequences: readonly WeightedSequence[], batchSize: number): WeightedSequence[][] {
  const useful = sequences
    .map((sequence) => ({ sequence, length: inputLength(sequence) }))
    .filter(({ length }) => length > 0)
    .sort((a, b) => b.length - a.length);
  return chunks(
    useful.map(({ sequence }) => sequence),
    batchSize,
  );
}

function shapeOf(group: readonly WeightedSequence[]): BatchShape {
  return {
    batch: group.length,
    time: Math.max(...group.map(inputLength)),
    rows: group.reduce((sum, sequence) => sum + weightedTokens(sequence), 0),
  };
}

function pack(
  group: readonly WeightedSequence[],
  shape: BatchShape,
  factorOf: (sequence: WeightedSequence) => number,
): MicroBatch {
  const { batch, time, rows } = shape;
  const ids = new Int32Array(batch * time);
  const [rowIndices, targets, weights] = [new Int32Array(rows), new Int32Array(rows), new Float32Array(rows)];
  let [row, inputTokens] = [0, 0];
  for (const [place, sequence] of group.entries()) {
    const length = inputLength(sequence);
    ids.set(sequence.ids.slice(0, length), place * time);
    inputTokens += length;
    for (let position = 1; position <= length; position++) {
      const weight = sequence.weights[position] ?? 0;
      if (weight === 0) continue;
      rowIndices[row] = place * time + position - 1;
      targets[row] = sequence.ids[position] ?? 0;
      weights[row] = weight * factorOf(sequence);
      row++;
    }
  }
  return { ...shape, ids, rowIndices, targets, weights, inputTokens, predictedTokens: row };
}

function chunks<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  );
}
