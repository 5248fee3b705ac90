import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadBackend } from '../tensor/backend.ts';
import { createSession } from '../tensor/create-session.ts';
import { parseConfig } from './config.ts';
import { writeWeights } from './safetensors-write.ts';
import { fixtureDir } from './testing.ts';
import { weightShapes } from './weights.ts';

/** 419 MB in fp32, in 24 layers and an embedding. */
const CONFIG = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  vocab_size: 8000,
  hidden_size: 512,
  intermediate_size: 2048,
  num_hidden_layers: 24,
  num_attention_heads: 8,
  tie_word_embeddings: true,
};

/**
 * What the JavaScript engine lets pile up of tensors that were read and handed on, and a part of the weights in two forms while it is put
 * into its variables; neither grows with the model.
 */
const NOT_YET_COLLECTED = 250e6;

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'cft-memory-'));
});
afterAll(() => rm(dir, { recursive: true }));

test.skipIf(process.platform !== 'linux').each([
  ['float32', 'fp32', 4, 4],
  ['bfloat16', 'fp32', 4, 2],
  ['bfloat16', 'bf16', 2, 2],
] as const)(
  'a process that loads %s shards and computes in %s needs %i bytes a weight, %i where it multiplies bfloat16s exactly, whatever it reads',
  async (dtype, precision, most, exact) => {
    await loadBackend();
    const width = createSession().exactBfloat16 ? exact : most;
    const shapes = [...weightShapes(parseConfig(CONFIG, 'config.json'))];
    const sizes = shapes.map(([, shape]) => shape.reduce((a, b) => a * b, 1));
    const values = new Float32Array(Math.max(...sizes)).fill(0.01);
    const weights = shapes.map(([name, shape], i) => ({ name, shape, values: () => values.subarray(0, sizes[i]) }));
    await writeFile(join(dir, 'config.json'), JSON.stringify(CONFIG));
    await writeWeights(dir, weights, { dtype, maxShardBytes: 50e6 });
    const probe = join(import.meta.dirname, 'testdata', 'memory-probe.ts');
    const { stdout } = await promisify(execFile)(process.execPath, [
      probe,
      precision,
      fixtureDir('llama3-biases'),
      dir,
    ]);
    const [small, large] = JSON.parse(stdout) as [number, number];
    const bytes = width * sizes.reduce((a, b) => a + b, 0);
    expect(large - small).toBeLessThan(bytes + NOT_YET_COLLECTED);
    expect(large - small).toBeGreaterThan(0.9 * bytes);
  },
);
