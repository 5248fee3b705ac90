import type { LoadedModel } from '../trainer/model/load.ts';
import type { Session } from '../trainer/tensor/session.ts';
import { type AdamWSettings, createAdamW } from '../trainer/train/adamw.ts';
import { microBatches } from '../trainer/train/micro-batches.ts';
import { createTrainPrograms } from '../trainer/train/programs.ts';
import type { WeightedSequence } from '../trainer/train/sequence.ts';

/** The defaults of torch.optim.AdamW(model.parameters()), which peer.py trains with; the other two are in peer.py as well. */
const ADAMW: AdamWSettings = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01, decay: 'all' };
const LEARNING_RATE = 1e-4;
const MAX_NORM = 1;

/**
 * Training of all weights of a model, as the benchmarks do it.
 *
 * @returns a function from some sequences to an optimizer step on all of them at once, which returns its loss
 */
export function createTrainer(
  model: LoadedModel & { readonly session: Session },
): (sequences: readonly WeightedSequence[]) => () => number {
  const trained = model.variables;
  const optimizer = createAdamW(model.session, trained, ADAMW);
  const programs = createTrainPrograms({ ...model, trained }, optimizer, MAX_NORM);
  let count = 0;
  return (sequences) => {
    const batches = microBatches(sequences, sequences.length, 'step', (shape) => shape);
    return () => programs.step(batches, optimizer.scalars(++count, LEARNING_RATE)).loss;
  };
}
