import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { CftError } from '../../crds/errors.ts';
import { loadBackend } from '../tensor/backend.ts';
import { createSession } from '../tensor/create-session.ts';
import { loadConfig } from './config.ts';
import { loadModel, readWeights } from './load.ts';
import { writeWeights } from './safetensors-write.ts';
import { fileSources } from './save.ts';
import { computeLogits, fixtureDir } from './testing.ts';
import { locateWeights, weightShapes } from './weights.ts';

beforeAll(() => loadBackend({ backend: 'tensorflow' }));

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'cft-load-'));
});
afterEach(() => rm(dir, { recursive: true }));

const copyFixture = (name: string) => cp(fixtureDir(name), dir, { recursive: true });

/** Every weight of the directory, as loading reads it. */
async function readDirectory(): Promise<Map<string, Float32Array>> {
  const values = new Map<string, Float32Array>();
  for await (const weight of readWeights(await locateWeights(dir, await loadConfig(dir))))
    values.set(weight.name, weight.values);
  return values;
}

/** Writes the fixture's weights anew after a change. */
async function rewrite(change: (weights: Map<string, { shape: readonly number[]; values: Float32Array }>) => void) {
  const weights = new Map<string, { shape: readonly number[]; values: Float32Array }>();
  for (const { name, shape, values } of fileSources(await locateWeights(dir, await loadConfig(dir)))) {
    weights.set(name, { shape, values: await values() });
  }
  change(weights);
  const sources = [...weights].map(([name, { shape, values }]) => ({ name, shape, values: () => values }));
  await writeWeights(dir, sources);
}

async function changeConfig(keys: Record<string, unknown>): Promise<void> {
  const path = join(dir, 'config.json');
  await writeFile(path, JSON.stringify({ ...JSON.parse(await readFile(path, 'utf8')), ...keys }));
}

describe('loadModel', () => {
  test('a frozen model computes the same bits from a file in bfloat16 as from one with the same values in float32', async () => {
    const ids = [3, 1, 4, 1, 5, 9];
    const logitsOf = async (from: string) => {
      const session = createSession();
      const model = await loadModel(session, from, { frozen: { bfloat16: false } });
      const logits = computeLogits(session, model, { batch: 1, time: ids.length, ids });
      session.dispose();
      return logits;
    };
    await copyFixture('bfloat16-headdim8');
    const narrow = await logitsOf(dir);
    await rewrite(() => {});
    expect([
      ...new Set([...(await locateWeights(dir, await loadConfig(dir))).entries.values()].map(({ dtype }) => dtype)),
    ]).toEqual(['F32']);
    expect(await logitsOf(dir)).toEqual(narrow);
  });

  test('puts every weight into a variable of its name and shape', async () => {
    const session = createSession();
    const model = await loadModel(session, fixtureDir('sharded-gqa4'), { scope: 'base/' });
    const shapes = [...model.variables].map(([name, variable]) => [name, variable.shape]);
    expect(Object.fromEntries(shapes)).toEqual(Object.fromEntries(weightShapes(model.config)));
    const variable = model.variables.get('lm_head.weight');
    expect(variable?.name).toBe('base/lm_head.weight');
    await copyFixture('sharded-gqa4');
    expect(variable?.values()).toEqual((await readDirectory()).get('lm_head.weight'));
    session.dispose();
  });
});

describe('a directory that does not fit together is refused', () => {
  test.each([
    [
      'a missing tensor',
      'CorruptFile',
      /1 tensor that config.json asks for is missing: model\.norm\.weight/,
      (w) => w.delete('model.norm.weight'),
    ],
    [
      'an unknown tensor',
      'CorruptFile',
      /not part of this architecture: model\.extra/,
      (w) => w.set('model.extra', { shape: [1], values: new Float32Array(1) }),
    ],
    [
      'a shape',
      'ShapeMismatch',
      /model\.safetensors: tensor "model\.norm\.weight" has shape \[4, 8\], config\.json asks for \[32\]/,
      (w) => w.set('model.norm.weight', { shape: [4, 8], values: new Float32Array(32) }),
    ],
    [
      'NaN',
      'NotFinite',
      /"model\.norm\.weight" holds NaN at element 0/,
      (w) => w.set('model.norm.weight', { shape: [32], values: new Float32Array(32).fill(Number.NaN) }),
    ],
    [
      'a tied head of its own',
      'CorruptFile',
      /differs from the embedding/,
      (w) => w.set('lm_head.weight', { shape: [61, 32], values: new Float32Array(61 * 32) }),
    ],
  ] as [string, string, RegExp, Parameters<typeof rewrite>[0]][])('%s', async (_what, code, message, change) => {
    await copyFixture('tied-gqa2');
    await rewrite(change);
    await expect(readDirectory()).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  });

  test('a config of another model', async () => {
    await copyFixture('tied-gqa2');
    await changeConfig({ num_hidden_layers: 3, layer_types: null });
    await expect(readDirectory()).rejects.toMatchObject({
      code: 'CorruptFile',
      message: expect.stringMatching(
        /^12 tensors that config\.json asks for are missing: model\.layers\.2.* and 7 more/,
      ),
    });
    await changeConfig({ num_hidden_layers: 2, tie_word_embeddings: false });
    await expect(readDirectory()).rejects.toMatchObject({
      code: 'CorruptFile',
      message: expect.stringContaining('lm_head.weight'),
    });
  });

  test('a directory in place of the weights', async () => {
    await copyFixture('tied-gqa2');
    await rm(join(dir, 'model.safetensors'));
    await mkdir(join(dir, 'model.safetensors'));
    await expect(readDirectory()).rejects.toMatchObject({
      code: 'CorruptFile',
      where: join(dir, 'model.safetensors'),
    });
  });

  test('no weights', async () => {
    await copyFixture('tied-gqa2');
    await rm(join(dir, 'model.safetensors'));
    await expect(readDirectory()).rejects.toMatchObject({ code: 'FileNotFound', where: dir });
  });

  test.each([
    ['a shard that is not there', 'FileNotFound', { 'lm_head.weight': 'model-00009-of-00003.safetensors' }],
    ['a tensor in another shard', 'CorruptFile', { 'lm_head.weight': 'model-00001-of-00003.safetensors' }],
    ['a tensor in no shard', 'CorruptFile', { 'model.extra': 'model-00003-of-00003.safetensors' }],
    ['a tensor that is not listed', 'CorruptFile', { 'lm_head.weight': undefined }],
    ['a file elsewhere', 'CorruptFile', { 'lm_head.weight': '../model.safetensors' }],
    ['the directory itself', 'CorruptFile', { 'lm_head.weight': '' }],
    ['a name that no file can have', 'CorruptFile', { 'lm_head.weight': 'a\0b' }],
    ['a file of another kind', 'CorruptFile', { 'lm_head.weight': 'config.json' }],
  ])('an index with %s', async (_what, code, changes) => {
    await copyFixture('sharded-gqa4');
    const path = join(dir, 'model.safetensors.index.json');
    const index = JSON.parse(await readFile(path, 'utf8'));
    await writeFile(path, JSON.stringify({ ...index, weight_map: { ...index.weight_map, ...changes } }));
    await expect(readDirectory()).rejects.toMatchObject({ code });
  });

  test('any damage to the weights’ header, or their end: refused, or the same values', async () => {
    await copyFixture('tied-gqa2');
    const intact = await readDirectory();
    const path = join(dir, 'model.safetensors');
    const file = await readFile(path);
    const headerEnd = 8 + Number(file.readBigUInt64LE());
    const damage = fc.oneof(
      fc.record({ at: fc.nat(headerEnd - 1), bit: fc.nat(7) }).map(({ at, bit }) => {
        const damaged = Uint8Array.from(file);
        damaged[at] = (damaged[at] as number) ^ (1 << bit);
        return damaged;
      }),
      fc.nat(file.length - 1).map((length) => file.subarray(0, length)),
    );
    await fc.assert(
      fc.asyncProperty(damage, async (damaged) => {
        await writeFile(path, damaged);
        try {
          expect(await readDirectory()).toEqual(intact);
        } catch (error) {
          if (!(error instanceof CftError)) throw error;
          expect(['CorruptFile', 'ShapeMismatch', 'DtypeMismatch']).toContain(error.code);
        }
      }),
      { numRuns: 150 },
    );
  });
});

describe('what other programs save is read', () => {
  test('a tied head beside an equal embedding, or instead of it', async () => {
    await copyFixture('tied-gqa2');
    const intact = await readDirectory();
    const embedding = intact.get('model.embed_tokens.weight') as Float32Array;
    await rewrite((weights) => weights.set('lm_head.weight', { shape: [61, 32], values: embedding }));
    expect(await readDirectory()).toEqual(intact);
    await rewrite((weights) => {
      weights.delete('model.embed_tokens.weight');
      weights.set('lm_head.weight', { shape: [61, 32], values: embedding });
    });
    expect(await readDirectory()).toEqual(intact);
  });

  test('rotary frequencies, which are computed anew', async () => {
    await copyFixture('tied-gqa2');
    const intact = await readDirectory();
    await rewrite((w) =>
      w.set('model.layers.0.self_attn.rotary_emb.inv_freq', { shape: [4], values: new Float32Array(4) }),
    );
    expect(await readDirectory()).toEqual(intact);
  });
});
