import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { loadBackend } from '../tensor/backend.ts';
import { createSession } from '../tensor/create-session.ts';
import { loadConfig } from './config.ts';
import { loadModel } from './load.ts';
import { readHeader } from './safetensors.ts';
import { fileSources, saveModel, variableSources } from './save.ts';
import { FAMILY_FIXTURES, fixtureDir, logitsOf, maxDifference, readInputs } from './testing.ts';
import { locateWeights, weightShapes } from './weights.ts';

beforeAll(() => loadBackend({ backend: 'tensorflow' }));

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'cft-save-'));
});
afterEach(() => rm(root, { recursive: true }));

const json = async (...path: string[]) => JSON.parse(await readFile(join(...path), 'utf8'));
const weightsOf = async (dir: string) => fileSources(await locateWeights(dir, await loadConfig(dir)));

test.each([...FAMILY_FIXTURES, 'sharded-gqa4', 'bfloat16-headdim8', 'float16'])(
  'a model saved from its session computes the same bits: %s',
  async (name) => {
    const [from, dir] = [fixtureDir(name), join(root, 'model')];
    const session = createSession();
    const model = await loadModel(session, from);
    await saveModel(dir, { from, weights: variableSources(model.config, model.variables) });
    session.dispose();
    const inputs = await readInputs(from);
    expect(await logitsOf(createSession, dir, inputs)).toEqual(await logitsOf(createSession, from, inputs));
    expect((await json(dir, 'config.json')).dtype).toBe('float32');
    const { tensors } = await readHeader(join(dir, 'model.safetensors'));
    expect([...tensors.keys()]).toEqual([...weightShapes(await loadConfig(from)).keys()]);
  },
);

test('16-bit weights and shards keep the logits near', async () => {
  const from = fixtureDir('tied-gqa2');
  const dir = join(root, 'model');
  await saveModel(dir, { from, weights: await weightsOf(from), dtype: 'bfloat16', maxShardBytes: 10_000 });
  expect((await readdir(dir)).filter((file) => file.endsWith('.safetensors')).length).toBeGreaterThan(2);
  expect(await json(dir, 'config.json')).toMatchObject({ dtype: 'bfloat16' });
  const inputs = await readInputs(from);
  const difference = maxDifference(
    await logitsOf(createSession, dir, inputs),
    await logitsOf(createSession, from, inputs),
  );
  expect(difference).toBeGreaterThan(0);
  expect(difference).toBeLessThan(0.3);
});

test('keeps unknown keys of config.json, and copies the tokenizer', async () => {
  const from = join(root, 'from');
  await mkdir(from);
  const config = {
    ...(await json(fixtureDir('tied-gqa2'), 'config.json')),
    my_key: { a: [1] },
    torch_dtype: 'bfloat16',
  };
  await writeFile(join(from, 'config.json'), JSON.stringify(config));
  for (const file of ['tokenizer.json', 'tokenizer_config.json', 'chat_template.jinja', 'notes.txt'])
    await writeFile(join(from, file), file);
  const weights = await weightsOf(fixtureDir('tied-gqa2'));
  await saveModel(join(root, 'out'), { from, weights });
  expect(await json(root, 'out', 'config.json')).toEqual({ ...config, dtype: 'float32', torch_dtype: 'float32' });
  expect((await readdir(join(root, 'out'))).sort()).toEqual([
    'chat_template.jinja',
    'config.json',
    'model.safetensors',
    'tokenizer.json',
    'tokenizer_config.json',
  ]);
  expect(await readFile(join(root, 'out', 'tokenizer.json'), 'utf8')).toBe('tokenizer.json');
});

test('a save that fails leaves the model that was there, and nothing else', async () => {
  const from = fixtureDir('tied-gqa2');
  const dir = join(root, 'model');
  const weights = await weightsOf(from);
  await saveModel(dir, { from, weights });
  const before = await readFile(join(dir, 'model.safetensors'));
  const failing = weights.map((weight) =>
    weight.name === 'model.norm.weight' ? { ...weight, values: () => Promise.reject(new Error('gone')) } : weight,
  );
  await expect(saveModel(dir, { from, weights: failing })).rejects.toThrow('gone');
  expect(await readdir(root)).toEqual(['model']);
  expect(await readFile(join(dir, 'model.safetensors'))).toEqual(before);
});

test('replaces an older model, and clears what an interrupted save left', async () => {
  const from = fixtureDir('tied-gqa2');
  const dir = join(root, 'model');
  await mkdir(`${dir}.partial`);
  await writeFile(join(`${dir}.partial`, 'torn.safetensors'), 'x');
  await mkdir(dir);
  await writeFile(join(dir, 'old.txt'), 'x');
  await saveModel(dir, { from, weights: await weightsOf(from) });
  expect(await readdir(root)).toEqual(['model']);
  expect(await readdir(dir)).not.toContain('old.txt');
  expect(await readdir(dir)).not.toContain('torn.safetensors');
});
