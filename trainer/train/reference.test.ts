import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadModel } from '../model/load.ts';
import { type LoraSpec, loraShapes, withLora } from '../model/lora.ts';
import { readHeader, readTensor } from '../model/safetensors.ts';
import { loadBackend } from '../tensor/backend.ts';
import { createSession } from '../tensor/create-session.ts';
import type { Variable } from '../tensor/session.ts';
import { type AdamWSettings, createAdamW } from './adamw.ts';
import { microBatches, neededShapes } from './micro-batches.ts';
import type { LossNormalization } from './normalization.ts';
import { createTrainPrograms, type StepOutcome, type TrainedModel } from './programs.ts';
import { cosineWithWarmup, warmupSteps } from './schedule.ts';
import type { WeightedSequence } from './sequence.ts';
import { planShapes } from './shapes.ts';

const DATA = join(import.meta.dirname, 'testdata');

/** What scripts/reference/train.py writes. */
interface Reference {
  readonly settings: AdamWSettings & {
    readonly batchSize: number;
    readonly gradientAccumulationSteps: number;
    readonly learningRate: number;
    readonly warmupRatio: number;
    readonly maxGradNorm: number;
    readonly lossNormalization: LossNormalization;
    readonly lora: LoraSpec | null;
  };
  readonly sequences: readonly WeightedSequence[];
  readonly steps: readonly (readonly number[])[];
  readonly measured: readonly { readonly loss: number; readonly gradNorm: number; readonly learningRate: number }[];
}

const FULL = ['clipped', 'accumulated', 'per-sequence', 'all-tokens', 'matrices'];

test.each([
  ...FULL.map((name) => ({ name, backend: 'tensorflow' as const })),
  { name: 'accumulated', backend: 'wasm' as const },
])('$name on $backend: twenty steps give the losses, norms and weights of PyTorch', async ({ name, backend }) => {
  await loadBackend({ backend });
  const reference = await readReference(name);
  const session = createSession();
  const { config, parameters, variables } = await loadModel(session, join(DATA, 'model'));
  expectMeasured(trainAsReference({ session, config, parameters, trained: variables }, reference), reference);
  for (const [weight, expected] of await readAll(`${name}.safetensors`))
    expect(distance(variables.get(weight)?.values() ?? [], expected), weight).toBeLessThan(1e-5);
  session.dispose();
});

test('lora: twenty steps give the losses, norms and matrices of PyTorch; the model stays as it is', async () => {
  await loadBackend();
  const reference = await readReference('lora');
  const spec = reference.settings.lora as LoraSpec;
  const session = createSession();
  const { config, parameters, variables } = await loadModel(session, join(DATA, 'model'));
  const before = snapshot(variables);
  const trained = new Map<string, Variable>();
  for (const [name, values] of await readAll('lora.initial.safetensors')) {
    const shape = loraShapes(config, spec).get(withoutPrefix(name)) ?? [];
    const variable = session.variable(name, { shape, dtype: 'float32' });
    variable.load(values);
    trained.set(withoutPrefix(name), variable);
  }
  const adapted = withLora(parameters, spec, (name) => trained.get(name)?.read());
  expectMeasured(trainAsReference({ session, config, parameters: adapted, trained }, reference), reference);
  for (const [name, expected] of await readAll('lora.safetensors'))
    expect(distance(trained.get(withoutPrefix(name))?.values() ?? [], expected), name).toBeLessThan(1e-5);
  expect(snapshot(variables)).toEqual(before);
  session.dispose();
});

function expectMeasured(measured: readonly StepOutcome[], reference: Reference): void {
  for (const [step, expected] of reference.measured.entries()) {
    expect(relative(measured[step]?.loss, expected.loss), `loss of step ${step}`).toBeLessThan(1e-5);
    expect(relative(measured[step]?.gradNorm, expected.gradNorm), `norm of step ${step}`).toBeLessThan(1e-4);
  }
}

async function readReference(name: string): Promise<Reference> {
  return JSON.parse(await readFile(join(DATA, `${name}.json`), 'utf8')) as Reference;
}

function snapshot(variables: ReadonlyMap<string, Variable>): Record<string, unknown> {
  return Object.fromEntries([...variables].map(([name, variable]) => [name, variable.values()]));
}

function withoutPrefix(name: string): string {
  return name.replace('base_model.model.', '');
}

function trainAsReference(model: TrainedModel, { settings, sequences, steps }: Reference) {
  const optimizer = createAdamW(model.session, model.trained, settings);
  const programs = createTrainPrograms(model, optimizer, settings.maxGradNorm || undefined, {
    accumulate: settings.gradientAccumulationSteps > 1,
  });
  const contents = steps.map((step) => step.map((index) => sequences[index] as WeightedSequence));
  const needed = contents.flatMap((step) => neededShapes(step, settings.batchSize));
  const { shapes, choose } = planShapes(needed, 1);
  programs.prepare([shapes]);
  const warmup = warmupSteps(steps.length, settings.warmupRatio);
  return contents.map((content, step) => {
    const rate = cosineWithWarmup(step, steps.length, warmup, settings.learningRate);
    const batches = microBatches(content, settings.batchSize, settings.lossNormalization, choose);
    return programs.step(batches, { ...optimizer.scalars(step + 1, rate), seed: 0 });
  });
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
