import type { LossNormalization } from './normalization.ts';

/** How to train; the fields of a manifest's training variant, for one learning rate and seed. */
export interface TrainSettings {
  readonly epochs: number;
  /** Sequences of a micro-batch. */
  readonly batchSize: number;
  /** Micro-batches of an optimizer step. */
  readonly gradientAccumulationSteps: number;
  /** Whether each layer is computed again on the way back, so that less has to be kept. Default false. */
  readonly gradientCheckpointing?: boolean;
  /** Whether a row of a micro-batch may hold several sequences. Default false. */
  readonly packing?: boolean;
  /** Peak of the schedule. */
  readonly learningRate: number;
  /** Part of the steps in which the rate rises. */
  readonly warmupRatio: number;
  readonly weightDecay: number;
  /** Which parameters decay; see AdamWSettings. Default `all`. */
  readonly decay?: 'all' | 'matrices';
  /** 0: no clipping. */
  readonly maxGradNorm: number;
  readonly adam: { readonly beta1: number; readonly beta2: number; readonly epsilon: number };
  readonly lossNormalization: LossNormalization;
  /** Of the dropout. The order of the data has its own. */
  readonly seed: number;
  /** Evenly spaced; 0: only after the last step. */
  readonly evaluationsPerEpoch: number;
  readonly checkpointEverySteps: number;
}

/**
 * The steps of an epoch, counted from 1, after which to validate.
 *
 * @returns none for 0 evaluations; every step where more are asked for than there are steps
 */
export function evaluationSteps(stepsPerEpoch: number, evaluations: number): ReadonlySet<number> {
  const count = Math.min(evaluations, stepsPerEpoch);
  return new Set(Array.from({ length: count }, (_, index) => Math.round(((index + 1) * stepsPerEpoch) / count)));
}
