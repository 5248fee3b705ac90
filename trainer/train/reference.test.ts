import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadModel } from '../model/load.ts';
import { readHeader, readTensor } from '../model/safetensors.ts';
import { loadBackend } from '../tensor/backend.ts';
import { createSession } from '../tensor/create-session.ts';
import { type AdamWSettings, createAdamW } from './adamw.ts';
import { microBatches } from './micro-batches.ts';
import type { LossNormalization } from './normalization.ts';
import { createTrainPrograms, type TrainedModel } from './programs.ts';
import { cosineWithWarmup, warmupSteps } from './schedule.ts';
import type { WeightedSequence } from './sequence.ts';

const DATA = join(import.meta.dirname, 'testdata');

/** What scripts/reference/train.py writes. */
interface Reference {
  readonly settings: AdamWSettings & {
    readonly batchSize: number;
    readonly learningRate: number;
    readonly warmupRatio: number;
    readonly maxGradNorm: number;
    readonly lossNormalization: LossNormalization;
  };
  readonly sequences: readonly WeightedSequence[];
  readonly steps: readonly (readonly number[])[];
  readonly measured: readonly { readonly loss: number; readonly gradNorm: number; readonly learningRate: number }[];
}

beforeAll(async () => {
  await loadBackend();
});

test.each(['clipped', 'accumulated', 'per-sequence', 'all-tokens', 'matrices'])(
  '%s: twenty steps give the losses, norms and weights of PyTorch',
  async (name) => {
    const reference = JSON.parse(await readFile(join(DATA, `${name}.json`), 'utf8')) as Reference;
    const session = createSession();
    const { config, parameters, variables } = await loadModel(session, join(DATA, 'model'));
    const measured = trainAsReference({ session, config, parameters, trained: variables }, reference);
    for (const [step, expected] of reference.measured.entries()) {
      expect(relative(measured[step]?.loss, expected.loss), `loss of step ${step}`).toBeLessThan(1e-5);
      expect(relative(measured[step]?.gradNorm, expected.gradNorm), `norm of step ${step}`).toBeLessThan(1e-4);
    }
    for (const [weight, expected] of await readAll(`${name}.safetensors`))
      expect(distance(variables.get(weight)?.values() ?? [], expected), weight).toBeLessThan(1e-5);
    session.dispose();
  },
);

function trainAsReference(model: TrainedModel, { settings, sequences, steps }: Reference) {
  const optimizer = createAdamW(model.session, model.trained, settings);
  const programs = createTrainPrograms(model, optimizer, settings.maxGradNorm || undefined);
  const all = steps.map((step) =>
    microBatches(
      step.map((index) => sequences[index] as WeightedSequence),
      settings.batchSize,
      settings.lossNormalization,
    ),
  );
  programs.prepare(all);
  const warmup = warmupSteps(steps.length, settings.warmupRatio);
  return all.map((batches, step) =>
    programs.step(
      batches,
      optimizer.scalars(step + 1, cosineWithWarmup(step, steps.length, warmup, settings.learningRate)),
    ),
  );
}

async function readAll(file: string): Promise<Map<string, Float32Array>> {
  const { tensors } = await readHeader(join(DATA, file));
  const all = new Map<string, Float32Array>();
  for (const [name, entry] of tensors) all.set(name, await readTensor(entry));
  return all;
}

function relative(actual = Number.NaN, expected: number): number {
  return Math.abs(actual - expected) / Math.abs(expected);
}

/** Norm of the difference over the norm of what was expected. */
function distance(actual: ArrayLike<number>, expected: Float32Array): number {
  let [difference, size] = [0, 0];
  for (const [index, value] of expected.entries()) {
    difference += ((actual[index] ?? Number.NaN) - value) ** 2;
    size += value ** 2;
  }
  return Math.sqrt(difference / size);
}
