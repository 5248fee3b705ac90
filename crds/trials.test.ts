import fc from 'fast-check';
import { expect, test } from 'vitest';
import { bestTrials, type TrialOutcome } from './trials.ts';

const trial = (learningRate: number, seed: number, accuracy: number, loss: number): TrialOutcome => ({
  learningRate,
  seed,
  accuracy,
  loss,
});

test('each seed has its own best learning rate: accuracy first, then loss, then the lower rate', () => {
  const trials = [
    trial(1e-3, 1, 0.5, 0.9),
    trial(1e-4, 1, 0.5, 0.8),
    trial(1e-5, 1, 0.4, 0.1),
    trial(1e-3, 0, 0.6, 0.5),
    trial(1e-4, 0, 0.6, 0.5),
  ];
  expect(bestTrials(trials)).toEqual([trials[4], trials[1]]);
});

test('a trial whose loss went to NaN is chosen only if every one did', () => {
  const lost = trial(1e-2, 0, 0.9, Number.NaN);
  const sound = trial(1e-4, 0, 0.1, 2);
  expect(bestTrials([lost, sound])).toEqual([sound]);
  expect(bestTrials([lost])).toEqual([lost]);
});

test('the order of the trials does not matter', () => {
  const some = fc.constantFrom(0, 0.25, 0.5);
  const outcomes = fc.uniqueArray(fc.tuple(fc.constantFrom(1e-5, 1e-4, 1e-3), fc.nat({ max: 2 }), some, some), {
    selector: ([learningRate, seed]) => `${learningRate} ${seed}`,
  });
  fc.assert(
    fc.property(outcomes, (tuples) => {
      const trials = tuples.map((tuple) => trial(...tuple));
      expect(bestTrials(trials.toReversed())).toEqual(bestTrials(trials));
    }),
  );
});
