/** Against transformers and peft themselves, on models too large or too many to keep as fixtures. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runReference } from '../../scripts/reference/run.ts';
import { referencePython } from '../../scripts/reference-env.ts';
import { createRandom } from '../random.ts';
import { loadBackend } from '../tensor/backend.ts';
import { createSession } from '../tensor/create-session.ts';
import { tf } from '../tensor/tf.ts';
import { saveAdapter } from './adapter.ts';
import { loadConfig, type ModelConfig } from './config.ts';
import { type LoraAdapter, loraShapes, mergeLora, withLora } from './lora.ts';
import { fileSources, saveModel } from './save.ts';
import { FAMILY_FIXTURES, fixtureDir, logitsOf, maxDifference, readExpected, readInputs } from './testing.ts';
import { CASES } from './transformers-cases.ts';
import { locateWeights } from './weights.ts';

const python = referencePython();

let root: string;
const dirOf = (name: string) => join(root, name.replaceAll(/[ ,]+/g, '-'));

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'cft-transformers-'));
  await loadBackend({ backend: 'tensorflow' });
});
afterAll(() => rm(root, { recursive: true }));

test.skipIf(python === undefined)('logits are those of transformers in every family, shape and scaling', async () => {
  const cases = Object.entries(CASES).map(([name, reference]) => [dirOf(name), { seed: 11, ...reference }]);
  runReference(python as string, 'model.py', ['cases'], Object.fromEntries(cases));
  for (const name of Object.keys(CASES)) {
    const expected = (await readExpected(dirOf(name))).get('logits') ?? [];
    const logits = await logitsOf(createSession, dirOf(name), await readInputs(dirOf(name)));
    expect(maxDifference(logits, expected), name).toBeLessThan(1e-4);
  }
});

test.skipIf(python === undefined)(
  'adapters and saved models of every family load in peft and transformers with our logits',
  async () => {
    const requests: object[] = [];
    const ours: { name: string; logits: Float32Array }[] = [];
    for (const name of FAMILY_FIXTURES) {
      const base = fixtureDir(name);
      const [adapterDir, mergedDir] = [dirOf(`${name}-adapter`), dirOf(`${name}-merged`)];
      const config = await loadConfig(base);
      const adapter = randomAdapter(config);
      await saveAdapter(adapterDir, adapter, config, base);
      const weights = mergeLora(fileSources(await locateWeights(base, config)), adapter);
      await saveModel(mergedDir, { from: base, weights, maxShardBytes: 20_000 });
      const inputs = await readInputs(base);
      const logits = await logitsOf(createSession, base, inputs, (model) =>
        withLora(model.parameters, adapter.spec, (tensor) => {
          const values = adapter.tensors.get(tensor);
          return values && tf.tensor2d(values, loraShapes(config, adapter.spec).get(tensor) as [number, number]);
        }),
      );
      requests.push({ ...inputs, model: base, adapter: adapterDir }, { ...inputs, model: mergedDir });
      ours.push({ name: `${name} in peft`, logits }, { name: `${name} merged`, logits });
    }
    const theirs = JSON.parse(runReference(python as string, 'model.py', ['logits'], requests)) as {
      dtype: string;
      logits: number[];
    }[];
    expect(theirs).toHaveLength(ours.length);
    for (const [i, { name, logits }] of ours.entries()) {
      expect(maxDifference(logits, theirs[i]?.logits ?? []), name).toBeLessThan(1e-4);
      expect(theirs[i]?.dtype, name).toBe('torch.float32');
    }
  },
);

/** As if it had been trained: matrices for every linear layer but the head, large enough to move the logits. */
function randomAdapter(config: ModelConfig): LoraAdapter {
  const random = createRandom(5);
  const spec = { rank: 4, alpha: 6, targetModules: ['all-linear'], rankStabilized: true };
  const tensors = [...loraShapes(config, spec)].map(
    ([name, [rows, columns]]) =>
      [name, Float32Array.from({ length: rows * columns }, () => random.normal() * 0.2)] as const,
  );
  return { spec, tensors: new Map(tensors) };
}
