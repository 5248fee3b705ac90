import { type LossNormalization, lossFactors } from './normalization.ts';
import { packRows } from './pack-rows.ts';
import { inputLength, type WeightedSequence, weightedTokens } from './sequence.ts';
import { type BatchShape, bucketed, type ShapeChoice } from './shapes.ts';

export type { BatchShape } from './shapes.ts';

/** What one forward and backward pass reads. Padding rows have weight 0. */
export interface MicroBatch extends BatchShape {
  /** [batch * time] input tokens; right padding is 0. */
  readonly ids: Int32Array;
  /** [batch * time] place of each token in its sequence, where a row may hold several; padding is 0. */
  readonly positions?: Int32Array;
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

/** Sequences that follow each other in a row of a micro-batch. */
type Row = readonly WeightedSequence[];

/**
 * Splits the sequences of one optimizer step into micro-batches. Each sequence is cut after its last weighted position, those without
 * weight are left out, and the rows are sorted by length, so that neighbours share their padding. The sum of the micro-batches' losses
 * and gradients is that of the step computed in full.
 *
 * @param batchSize rows of a micro-batch at most
 * @param choose    padded shape of each micro-batch
 * @param rowLength where a row may hold several sequences: tokens of a row, unless a sequence is longer. Default: one sequence each
 * @returns none if no token of the step has weight
 */
export function microBatches(
  sequences: readonly WeightedSequence[],
  batchSize: number,
  normalization: LossNormalization,
  choose: ShapeChoice = bucketed,
  rowLength?: number,
): MicroBatch[] {
  const factors = new Map(lossFactors(sequences, normalization).map((factor, index) => [sequences[index], factor]));
  return groups(sequences, batchSize, rowLength).map((group) => {
    const batch = fill(group, choose(shapeOf(group)), (of) => factors.get(of) ?? 0);
    return rowLength === undefined ? batch : { ...batch, positions: positionsOf(group, batch) };
  });
}

/** The shapes without padding that {@link microBatches} needs for a step. */
export function neededShapes(
  sequences: readonly WeightedSequence[],
  batchSize: number,
  rowLength?: number,
): BatchShape[] {
  return groups(sequences, batchSize, rowLength).map(shapeOf);
}

function groups(sequences: readonly WeightedSequence[], batchSize: number, rowLength: number | undefined): Row[][] {
  const useful = sequences.filter((sequence) => inputLength(sequence) > 0);
  const rows = rowLength === undefined ? useful.map((sequence) => [sequence]) : packed(useful, rowLength);
  const byLength = rows.map((row) => ({ row, length: lengthOf(row) })).sort((a, b) => b.length - a.length);
  return chunks(
    byLength.map(({ row }) => row),
    batchSize,
  );
}

function packed(sequences: readonly WeightedSequence[], rowLength: number): Row[] {
  const rows = packRows(sequences.map(inputLength), rowLength);
  return rows.map((row) => row.map((index) => sequences[index] as WeightedSequence));
}

function lengthOf(row: Row): number {
  return row.reduce((sum, sequence) => sum + inputLength(sequence), 0);
}

function shapeOf(group: readonly Row[]): BatchShape {
  return {
    batch: group.length,
    time: Math.max(...group.map(lengthOf)),
    rows: group.flat().reduce((sum, sequence) => sum + weightedTokens(sequence), 0),
  };
}

function fill(group: readonly Row[], shape: BatchShape, factorOf: (sequence: WeightedSequence) => number): MicroBatch {
  const { batch, time, rows } = shape;
  const ids = new Int32Array(batch * time);
  const [rowIndices, targets, weights] = [new Int32Array(rows), new Int32Array(rows), new Float32Array(rows)];
  let [row, inputTokens] = [0, 0];
  for (const { sequence, start } of placesOf(group, time)) {
    const length = inputLength(sequence);
    ids.set(sequence.ids.slice(0, length), start);
    inputTokens += length;
    for (let position = 1; position <= length; position++) {
      const weight = sequence.weights[position] ?? 0;
      if (weight === 0) continue;
      rowIndices[row] = start + position - 1;
      targets[row] = sequence.ids[position] ?? 0;
      weights[row] = weight * factorOf(sequence);
      row++;
    }
  }
  return { ...shape, ids, rowIndices, targets, weights, inputTokens, predictedTokens: row };
}

function positionsOf(group: readonly Row[], { batch, time }: BatchShape): Int32Array {
  const positions = new Int32Array(batch * time);
  for (const { sequence, start } of placesOf(group, time))
    for (let position = 0; position < inputLength(sequence); position++) positions[start + position] = position;
  return positions;
}

/** Where each sequence of a group begins among the batch * time input tokens. */
function placesOf(group: readonly Row[], time: number): { sequence: WeightedSequence; start: number }[] {
  return group.flatMap((row, index) => {
    let end = index * time;
    return row.map((sequence) => {
      const start = end;
      end += inputLength(sequence);
      return { sequence, start };
    });
  });
}

function chunks<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  );
}
