/** A training step on every family, beside PyTorch's. */
import { beforeAll, expect, test } from 'vitest';
import { loadModel } from '../model/load.ts';
import {
  computeLogits,
  FAMILY_FIXTURES,
  fixtureDir,
  maxDifference,
  readExpected,
  readInputs,
} from '../model/testing.ts';
import { loadBackend } from '../tensor/backend.ts';
import { createSession } from '../tensor/create-session.ts';
import { createAdamW } from './adamw.ts';
import { microBatches, neededShapes } from './micro-batches.ts';
import { createTrainPrograms } from './programs.ts';
import { planShapes } from './shapes.ts';

beforeAll(async () => {
  await loadBackend();
});

/** As in scripts/reference/model.py. */
const LEARNING_RATE = 0.05;
const ADAMW = { beta1: 0.9, beta2: 0.95, epsilon: 1e-2, weightDecay: 0.1, decay: 'all' } as const;

test.each(FAMILY_FIXTURES)('a step of AdamW gives the loss of PyTorch, and then its logits: %s', async (name) => {
  const session = createSession();
  const { config, parameters, variables } = await loadModel(session, fixtureDir(name));
  const inputs = await readInputs(fixtureDir(name));
  const { batch, time, ids } = inputs;
  const expected = await readExpected(fixtureDir(name));
  const sequences = Array.from({ length: batch }, (_, i) => ({
    ids: ids.slice(i * time, (i + 1) * time),
    weights: Array.from({ length: time }, (_, token) => (token === 0 ? 0 : 1)),
  }));
  const optimizer = createAdamW(session, variables, ADAMW);
  const programs = createTrainPrograms({ session, config, parameters, trained: variables }, optimizer, undefined);
  const { choose } = planShapes(neededShapes(sequences, batch), 1);
  const { loss } = programs.step(microBatches(sequences, batch, 'step', choose), optimizer.scalars(1, LEARNING_RATE));
  expect(Math.abs(loss - (expected.get('loss')?.[0] as number))).toBeLessThan(1e-5);
  const stepped = computeLogits(session, { config, parameters }, inputs);
  expect(maxDifference(stepped, expected.get('stepped') ?? [])).toBeLessThan(1e-4);
  expect(maxDifference(stepped, expected.get('logits') ?? [])).toBeGreaterThan(0.1);
  session.dispose();
});
