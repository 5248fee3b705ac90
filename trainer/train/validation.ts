import { type MicroBatch, microBatches, neededShapes } from './micro-batches.ts';
import type { TrainPrograms } from './programs.ts';
import type { WeightedSequence } from './sequence.ts';
import { planShapes } from './shapes.ts';

/** How the present weights do on what is not trained on; null for what was not measured. */
export interface Validation {
  /** Weighted mean of the negative log-likelihood, nats. */
  readonly loss: number | null;
  /** Greedy accuracy, 0 to 1. */
  readonly accuracy: number | null;
  /** Mean entropy of the distributions at the weighted tokens, nats. */
  readonly entropy: number | null;
}

export interface ValidationOptions {
  readonly sequences: readonly WeightedSequence[];
  /** Sequences that are computed at once. Default: as in training. */
  readonly batchSize?: number;
  /** Greedy accuracy of the session's present weights. */
  readonly accuracy?: () => Promise<number>;
  /** That of the starting weights, where it is known already. */
  readonly startAccuracy?: number;
}

/** The sequences padded once for all validations, in at most two shapes. */
export function validationBatches(
  sequences: readonly WeightedSequence[],
  batchSize: number,
  rowCost: number,
): MicroBatch[] {
  const { choose } = planShapes(neededShapes(sequences, batchSize), rowCost, 2);
  return microBatches(sequences, batchSize, 'step', choose);
}

/** Loss and entropy of the batches; null without a weighted token. */
export function measure(programs: TrainPrograms, batches: readonly MicroBatch[]): Omit<Validation, 'accuracy'> {
  let [loss, entropy, rows] = [0, 0, 0];
  for (const batch of batches) {
    const statistics = programs.statistics(batch);
    for (let row = 0; row < batch.predictedTokens; row++) {
      loss += (statistics.nll[row] ?? Number.NaN) * (batch.weights[row] ?? Number.NaN);
      entropy += statistics.entropy[row] ?? Number.NaN;
    }
    rows += batch.predictedTokens;
  }
  return rows === 0 ? { loss: null, entropy: null } : { loss: finite(loss), entropy: finite(entropy / rows) };
}

/** JSON has no NaN: what is not a number was not measured. */
function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
