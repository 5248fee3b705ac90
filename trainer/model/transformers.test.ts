/** Against transformers and peft themselves, on models too large or too many to keep as fixtures. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { referencePython } from '../../scripts/reference-env.ts';
import { createRandom } from '../random.ts';
import { loadBackend } from '../tensor/backend.ts';
import { createSession } from '../tensor/create-session.ts';
import { tf } from '../tensor/tf.ts';
import { saveAdapter } from './adapter.ts';
import { loadConfig } from './config.ts';
import { loraShapes, mergeLora, withLora } from './lora.ts';
import { fileSources, saveModel } from './save.ts';
import { logitsOf, maxDifference, readExpected, readInputs, runReference } from './testing.ts';
import { locateWeights } from './weights.ts';

const python = referencePython();

/** Shapes as published models have them (one layer or two of Qwen2.5-0.5B and 1.5B), long contexts, and odd ones. */
const CASES = {
  'qwen2.5-0.5b layers': {
    config: {
      vocab_size: 997,
      hidden_size: 896,
      intermediate_size: 4864,
      num_hidden_layers: 2,
      num_attention_heads: 14,
      num_key_value_heads: 2,
      tie_word_embeddings: true,
      rope_parameters: { rope_theta: 1e6, rope_type: 'default' },
    },
    time: 64,
    dtype: 'bfloat16',
    shard: '20MB',
  },
  'qwen2.5-1.5b attention': {
    config: {
      vocab_size: 101,
      hidden_size: 1536,
      intermediate_size: 64,
      num_hidden_layers: 1,
      num_attention_heads: 12,
      num_key_value_heads: 2,
    },
    time: 33,
  },
  'a long sequence': {
    config: {
      vocab_size: 50,
      hidden_size: 32,
      intermediate_size: 32,
      num_hidden_layers: 2,
      num_attention_heads: 2,
      num_key_value_heads: 1,
      rope_parameters: { rope_theta: 1e4, rope_type: 'default' },
    },
    batch: 1,
    time: 1500,
  },
  'one head of dimension 2': {
    config: {
      vocab_size: 5,
      hidden_size: 2,
      intermediate_size: 1,
      num_hidden_layers: 4,
      num_attention_heads: 1,
      num_key_value_heads: 1,
    },
    batch: 3,
    time: 7,
  },
  'to be adapted': {
    config: {
      vocab_size: 50,
      hidden_size: 32,
      intermediate_size: 32,
      num_hidden_layers: 2,
      num_attention_heads: 2,
      num_key_value_heads: 1,
      tie_word_embeddings: true,
    },
    dtype: 'bfloat16',
  },
};

let root: string;
const dirOf = (name: string) => join(root, name.replaceAll(' ', '-'));

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'cft-transformers-'));
  await loadBackend({ backend: 'tensorflow' });
  if (python === undefined) return;
  const cases = Object.entries(CASES).map(([name, reference]) => [dirOf(name), { seed: 11, ...reference }]);
  runReference(python, ['cases'], Object.fromEntries(cases));
});
afterAll(() => rm(root, { recursive: true }));

describe.skipIf(python === undefined)('beside transformers', () => {
  test.each(Object.keys(CASES))('logits are equal: %s', async (name) => {
    const expected = (await readExpected(dirOf(name))).get('logits') ?? [];
    const logits = await logitsOf(createSession, dirOf(name), await readInputs(dirOf(name)));
    expect(maxDifference(logits, expected)).toBeLessThan(1e-4);
  });

  test('a merged model and an adapter directory load in transformers and peft, with our logits', async () => {
    const base = dirOf('to be adapted');
    const [adapterDir, mergedDir] = [dirOf('adapter'), dirOf('merged')];
    const config = await loadConfig(base);
    const random = createRandom(5);
    const spec = { rank: 4, alpha: 6, targetModules: ['all-linear'], rankStabilized: true };
    const tensors = [...loraShapes(config, spec)].map(
      ([name, [rows, columns]]) =>
        [name, Float32Array.from({ length: rows * columns }, () => random.normal() * 0.2)] as const,
    );
    const adapter = { spec, tensors: new Map(tensors) };
    await saveAdapter(adapterDir, adapter, config, base);
    const weights = mergeLora(fileSources(await locateWeights(base, config)), adapter);
    await saveModel(mergedDir, { from: base, weights, maxShardBytes: 20_000 });

    const inputs = await readInputs(base);
    const ours = await logitsOf(createSession, base, inputs, (model) =>
      withLora(model.parameters, spec, (name) => {
        const values = adapter.tensors.get(name);
        return values && tf.tensor2d(values, loraShapes(config, spec).get(name) as [number, number]);
      }),
    );
    const requests = [
      { ...inputs, model: base, adapter: adapterDir },
      { ...inputs, model: mergedDir },
    ];
    const [inPeft, merged] = JSON.parse(runReference(python as string, ['logits'], requests));
    expect(maxDifference(ours, inPeft.logits)).toBeLessThan(1e-4);
    expect(maxDifference(ours, merged.logits)).toBeLessThan(1e-4);
    expect(merged.dtype).toBe('torch.float32');
  });
});
