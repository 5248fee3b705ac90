/** The same model code where TensorFlow can't be had. In a file of its own: a process has one backend. */
import { beforeAll, expect, test } from 'vitest';
import { loadBackend } from '../tensor/backend.ts';
import { createSession } from '../tensor/create-session.ts';
import { loadModel } from './load.ts';
import {
  FAMILY_FIXTURES,
  fixtureDir,
  logitsOf,
  lossAndGradients,
  maxDifference,
  readExpected,
  readInputs,
} from './testing.ts';

beforeAll(() => loadBackend({ backend: 'wasm' }));

test.each([...FAMILY_FIXTURES, 'sharded-gqa4'])('logits are those of transformers: %s', async (name) => {
  const expected = (await readExpected(fixtureDir(name))).get('logits') ?? [];
  const logits = await logitsOf(createSession, fixtureDir(name), await readInputs(fixtureDir(name)));
  expect(maxDifference(logits, expected)).toBeLessThan(1e-5);
});

test.each(FAMILY_FIXTURES)('the gradient of every weight is that of PyTorch: %s', async (name) => {
  const dir = fixtureDir(name);
  const expected = await readExpected(dir);
  const session = createSession();
  const { loss, ...gradients } = lossAndGradients(session, await loadModel(session, dir), await readInputs(dir));
  expect(maxDifference(loss ?? [], expected.get('loss') ?? [])).toBeLessThan(1e-5);
  for (const [name, gradient] of Object.entries(gradients)) {
    const reference = expected.get(`grad.${name}`) ?? [];
    const scale = Math.max(1, ...Array.from(reference, Math.abs));
    expect(maxDifference(gradient, reference), name).toBeLessThan(1e-5 * scale);
  }
  session.dispose();
});
