import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Tensor2D } from '@tensorflow/tfjs-core';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createRandom } from '../random.ts';
import { loadBackend } from '../tensor/backend.ts';
import { createSession } from '../tensor/create-session.ts';
import { tf } from '../tensor/tf.ts';
import { loadAdapter, saveAdapter } from './adapter.ts';
import { loadConfig } from './config.ts';
import type { LoadedModel } from './load.ts';
import {
  initLora,
  type LoraAdapter,
  type LoraSpec,
  loraLayers,
  loraScale,
  loraShapes,
  mergeLora,
  withLora,
} from './lora.ts';
import { parametersOf } from './parameters.ts';
import { writeSafetensors } from './safetensors-write.ts';
import { fileSources, saveModel } from './save.ts';
import { fixtureDir, logitsOf, maxDifference, readInputs } from './testing.ts';
import { locateWeights } from './weights.ts';

const FIXTURE = fixtureDir('tied-gqa2');
const SPEC: LoraSpec = { rank: 3, alpha: 5, targetModules: ['q_proj', 'v_proj', 'mlp.down_proj'] };
const config = await loadConfig(FIXTURE);

beforeAll(() => loadBackend({ backend: 'tensorflow' }));

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'cft-lora-'));
});
afterEach(() => rm(dir, { recursive: true }));

/** As if it had been trained: A and B random. */
function trained(spec: LoraSpec): LoraAdapter {
  const random = createRandom(1);
  const tensors = [...loraShapes(config, spec)].map(
    ([name, [rows, columns]]) =>
      [name, Float32Array.from({ length: rows * columns }, () => random.normal() * 0.2)] as const,
  );
  return { spec, tensors: new Map(tensors) };
}

const onto = (adapter: LoraAdapter) => (model: LoadedModel) =>
  withLora(model.parameters, adapter.spec, (name) => {
    const values = adapter.tensors.get(name);
    return values && tf.tensor2d(values, loraShapes(config, adapter.spec).get(name) as [number, number]);
  });

describe('layers', () => {
  test('are chosen by the end of their name', () => {
    expect(loraLayers(config, SPEC).map(({ name }) => name)).toEqual(
      [0, 1].flatMap((i) =>
        ['self_attn.q_proj', 'self_attn.v_proj', 'mlp.down_proj'].map((name) => `model.layers.${i}.${name}`),
      ),
    );
    expect(loraLayers(config, { ...SPEC, targetModules: ['all-linear'] })).toHaveLength(14);
    expect(loraLayers({ ...config, tieWordEmbeddings: false }, { ...SPEC, targetModules: ['lm_head'] })).toHaveLength(
      1,
    );
  });

  test.each(['query', 'proj', 'lm_head', ''])(
    'that the model does not have are refused with those it has: %j',
    (target) => {
      expect(() => loraLayers(config, { ...SPEC, targetModules: ['q_proj', target] })).toThrow(
        expect.objectContaining({
          code: 'InvalidArgument',
          value: target,
          hint: expect.stringContaining('q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj'),
        }),
      );
    },
  );
});

describe('a fresh adapter', () => {
  test('draws A within 1/sqrt(in), the same for the same seed, and B as zero', () => {
    const adapter = initLora(config, SPEC, createRandom(7));
    expect(adapter).toEqual(initLora(config, SPEC, createRandom(7)));
    expect(adapter).not.toEqual(initLora(config, SPEC, createRandom(8)));
    for (const [name, values] of adapter.tensors) {
      const bound = name.includes('lora_A') ? 1 / Math.sqrt(values.length / SPEC.rank) : 0;
      expect(Math.max(...values.map(Math.abs)), name).toBeLessThanOrEqual(bound);
      expect(Math.max(...values.map(Math.abs)), name).toBeGreaterThanOrEqual(bound * 0.9);
    }
  });

  test('changes no logit', async () => {
    const inputs = await readInputs(FIXTURE);
    const adapted = await logitsOf(createSession, FIXTURE, inputs, onto(initLora(config, SPEC, createRandom(7))));
    expect(maxDifference(adapted, await logitsOf(createSession, FIXTURE, inputs))).toBeLessThan(1e-6);
  });
});

test.each([false, true])(
  'merging gives the logits of the adapted model (rank-stabilized: %s)',
  async (rankStabilized) => {
    const adapter = trained({ ...SPEC, rankStabilized });
    const inputs = await readInputs(FIXTURE);
    const weights = mergeLora(fileSources(await locateWeights(FIXTURE, config)), adapter);
    await saveModel(join(dir, 'merged'), { from: FIXTURE, weights });
    const adapted = await logitsOf(createSession, FIXTURE, inputs, onto(adapter));
    expect(maxDifference(await logitsOf(createSession, join(dir, 'merged'), inputs), adapted)).toBeLessThan(2e-5);
    expect(maxDifference(await logitsOf(createSession, FIXTURE, inputs), adapted)).toBeGreaterThan(0.1);
  },
);

test('dropout reaches A only, with the layer’s name', () => {
  const eye = tf.tensor2d([1, 0, 0, 1], [2, 2]);
  const base = parametersOf((name) => (name === 'l.weight' ? eye : undefined));
  const spec = { rank: 2, alpha: 2, targetModules: ['l'] };
  const seen: string[] = [];
  const dropout = (name: string, x: Tensor2D) => {
    seen.push(name);
    return tf.mul(x, 10) as Tensor2D;
  };
  const y = withLora(base, spec, () => eye, dropout).linear('l', tf.tensor2d([[1, 2]]));
  expect([...y.dataSync()]).toEqual([11, 22]);
  expect(seen).toEqual(['l']);
});

test('scale is alpha / rank, or alpha / sqrt(rank)', () => {
  expect(loraScale({ ...SPEC, rank: 4, alpha: 8 })).toBe(2);
  expect(loraScale({ ...SPEC, rank: 4, alpha: 8, rankStabilized: true })).toBe(4);
});

describe('a PEFT directory', () => {
  test.each([[SPEC], [{ ...SPEC, targetModules: ['all-linear'], dropout: 0.1, rankStabilized: true }]])(
    'gives the adapter back',
    async (spec) => {
      const adapter = trained(spec);
      await saveAdapter(join(dir, 'adapter'), adapter, config, 'base/model');
      const loaded = await loadAdapter(join(dir, 'adapter'), config);
      expect(loaded.tensors).toEqual(adapter.tensors);
      expect(loaded.spec).toEqual({ dropout: 0, rankStabilized: false, ...spec });
    },
  );

  test('may name its layers by a regular expression', async () => {
    const adapter = trained({ ...SPEC, targetModules: ['model.layers.1.self_attn.q_proj'] });
    await saveAdapter(dir, adapter, config, '');
    await changeConfig({ target_modules: '.*\\.1\\..*(q|k)_proj', layers_to_transform: [1] });
    expect((await loadAdapter(dir, config)).tensors).toEqual(adapter.tensors);
  });

  test.each([
    ['use_dora', { use_dora: true }],
    ['modules_to_save', { modules_to_save: ['lm_head'] }],
    ['rank_pattern', { rank_pattern: { q_proj: 8 } }],
    ['bias', { bias: 'all' }],
    ['init_lora_weights', { init_lora_weights: 'pissa' }],
    ['fan_in_fan_out', { fan_in_fan_out: true }],
    ['a_later_invention', { a_later_invention: 3 }],
  ])('with an option that changes the result is refused by name: %s', async (key, keys) => {
    await saveAdapter(dir, trained(SPEC), config, '');
    await changeConfig(keys);
    await expect(loadAdapter(dir, config)).rejects.toMatchObject({
      code: 'UnsupportedModel',
      message: expect.stringContaining(key),
    });
  });

  test('of another model or another kind is refused', async () => {
    await saveAdapter(dir, trained(SPEC), config, '');
    await expect(loadAdapter(dir, { ...config, intermediateSize: 50 })).rejects.toMatchObject({
      code: 'ShapeMismatch',
    });
    await expect(loadAdapter(dir, { ...config, numHiddenLayers: 1 })).rejects.toMatchObject({ code: 'CorruptFile' });
    await changeConfig({ peft_type: 'LOHA' });
    await expect(loadAdapter(dir, config)).rejects.toMatchObject({
      code: 'InvalidConfig',
      message: expect.stringContaining('peft_type'),
    });
    await expect(loadAdapter(join(dir, 'nowhere'), config)).rejects.toMatchObject({ code: 'FileNotFound' });
  });

  test.each<[string, unknown, string]>([
    ['that is no pattern', '(q_proj', 'Invalid regular expression'],
    ['that matches for ever', '(?:(?:[a-z._0-9]+)+)+!', 'takes too long'],
    ['that matches nothing', 'query', 'matches no layer'],
    ['that the model lacks', ['query'], 'is no linear layer'],
  ])('with target_modules %s is refused', async (_, target_modules, message) => {
    await saveAdapter(dir, trained(SPEC), config, '');
    await changeConfig({ target_modules });
    await expect(loadAdapter(dir, config)).rejects.toMatchObject({
      code: 'InvalidConfig',
      where: join(dir, 'adapter_config.json'),
      message: expect.stringContaining(message),
    });
  });

  test('with a weight that is no number is refused', async () => {
    const broken = trained(SPEC);
    for (const values of broken.tensors.values()) values.fill(Number.NaN, -1);
    await saveAdapter(dir, broken, config, '');
    await expect(loadAdapter(dir, config)).rejects.toMatchObject({ code: 'NotFinite' });
  });

  test('with half of a layer is refused', async () => {
    await saveAdapter(dir, trained(SPEC), config, '');
    const name = 'base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight';
    await writeSafetensors(join(dir, 'adapter_model.safetensors'), [
      { name, shape: [3, 32], values: () => new Float32Array(96) },
    ]);
    await expect(loadAdapter(dir, config)).rejects.toMatchObject({
      code: 'CorruptFile',
      message: expect.stringContaining('only one of'),
    });
  });

  async function changeConfig(keys: Record<string, unknown>): Promise<void> {
    const path = join(dir, 'adapter_config.json');
    await writeFile(path, JSON.stringify({ ...JSON.parse(await readFile(path, 'utf8')), ...keys }));
  }
});
