import { CftError } from '../../crds/errors.ts';
import { createRandom } from '../random.ts';
import type { WeightedSequence } from './sequence.ts';

/** What each optimizer step trains on. It says the same whenever it is asked: that is how a killed training goes on exactly. */
export interface TrainingData {
  readonly stepsPerEpoch: number;
  /** The sequences of each optimizer step of an epoch (from 0), in order. */
  steps(epoch: number): Iterable<readonly WeightedSequence[]>;
}

/**
 * A fixed set of sequences, in a new order each epoch that depends on the seed and the epoch only. The last step of an epoch is as
 * small as what is left. Sequences without weight keep their place: a step's composition does not depend on the objective.
 *
 * @param stepSize sequences of an optimizer step: batch size times accumulation steps
 */
export function shuffledData(sequences: readonly WeightedSequence[], stepSize: number, seed: number): TrainingData {
  const orders = createRandom(seed).fork('order of the training data');
  return {
    stepsPerEpoch: Math.ceil(sequences.length / stepSize),
    *steps(epoch) {
      const order = orders.fork(`epoch ${epoch}`).shuffle(sequences);
      for (let start = 0; start < order.length; start += stepSize) yield order.slice(start, start + stepSize);
    },
  };
}

/**
 * Sequences that are made as they are needed, in the order in which they come.
 *
 * @param open the sequences of an epoch; the same sequences each time it is called for that epoch
 * @throws CftError EmptyDataset if an epoch yields fewer sequences than its steps need
 */
export function streamedData(
  open: (epoch: number) => Iterable<WeightedSequence>,
  stepSize: number,
  stepsPerEpoch: number,
): TrainingData {
  return {
    stepsPerEpoch,
    *steps(epoch) {
      const sequences = open(epoch)[Symbol.iterator]();
      for (let step = 0; step < stepsPerEpoch; step++) {
        const taken = take(sequences, stepSize);
        if (taken.length < stepSize)
          throw new CftError('EmptyDataset', `epoch ${epoch} ends after ${step} of ${stepsPerEpoch} steps`, {
            hint: 'ask for fewer steps, or make the stream longer',
          });
        yield taken;
      }
    },
  };
}

/**
 * Refuses what can't be trained on.
 *
 * @throws CftError InvalidRecord with the sequence's id
 */
export function checkSequence({ id, ids, weights }: WeightedSequence, vocabSize: number): void {
  const refuse = (message: string, value: unknown) => {
    throw new CftError('InvalidRecord', message, { where: `training sequence ${id ?? ''}`.trim(), value });
  };
  if (weights.length !== ids.length) refuse(`has ${weights.length} weights for ${ids.length} tokens`, weights.length);
  for (const [position, token] of ids.entries()) {
    if (!Number.isInteger(token) || token < 0 || token >= vocabSize)
      refuse(`token ${token} at position ${position} is not one of the model's ${vocabSize}`, token);
    const weight = weights[position] ?? Number.NaN;
    if (!Number.isFinite(weight) || weight < 0) refuse(`weight ${weight} at position ${position} is not >= 0`, weight);
  }
  if ((weights[0] ?? 0) !== 0)
    refuse('its first token has weight, but nothing before it that could predict it', weights[0]);
}

function take<T>(items: Iterator<T>, count: number): T[] {
  const taken: T[] = [];
  while (taken.length < count) {
    const next = items.next();
    if (next.done === true) break;
    taken.push(next.value);
  }
  return taken;
}
