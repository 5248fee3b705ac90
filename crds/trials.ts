/** How a trial did on the validation split, at its best checkpoint. Metrics `validationAccuracy` and `validationLoss` of its result. */
export interface TrialOutcome {
  readonly learningRate: number;
  readonly seed: number;
  /** Greedy accuracy, 0 to 1. */
  readonly accuracy: number;
  /** Mean cross-entropy, nats. */
  readonly loss: number;
}

/**
 * Whether one validation result beats another: higher accuracy, ties go to the lower loss. A loss that is not finite loses to any that is.
 */
export function beats(a: Pick<TrialOutcome, 'accuracy' | 'loss'>, b: Pick<TrialOutcome, 'accuracy' | 'loss'>): boolean {
  if (Number.isFinite(a.loss) !== Number.isFinite(b.loss)) return Number.isFinite(a.loss);
  return a.accuracy !== b.accuracy ? a.accuracy > b.accuracy : a.loss < b.loss;
}

/**
 * For each seed the trial with the best validation result, in the order of the seeds; full ties go to the lower learning rate.
 * A variant's results are the mean over these.
 */
export function bestTrials<T extends TrialOutcome>(trials: readonly T[]): T[] {
  const best = new Map<number, T>();
  for (const trial of [...trials].sort((a, b) => a.seed - b.seed || a.learningRate - b.learningRate)) {
    const current = best.get(trial.seed);
    if (current === undefined || beats(trial, current)) best.set(trial.seed, trial);
  }
  return [...best.values()];
}
