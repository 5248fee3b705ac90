import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Wanted } from './hub.ts';
import { type FetchContext, fetchSource } from './stage-sources.ts';
import { type FakeHub, type FakeRepo, startFakeHub } from './testing.ts';

const weights = randomBytes(300_000);
const model: FakeRepo = {
  type: 'model',
  name: 'acme/tiny',
  files: {
    'config.json': '{"model_type":"llama"}',
    'tokenizer.json': '{}',
    'model.safetensors': weights,
    'pytorch_model.bin': randomBytes(2000),
    'original/consolidated.safetensors': randomBytes(2000),
    'README.md': '# tiny',
  },
};
const dataset: FakeRepo = {
  type: 'dataset',
  name: 'acme/sums',
  files: {
    'README.md':
      '---\nconfigs:\n- config_name: main\n  data_files:\n  - split: train\n    path: main/a-*\n  - split: test\n    path: main/b-*\n---\n',
    'main/a-0.jsonl': '{"question":"1+1","answer":"2"}\n',
    'main/b-0.jsonl': '{"question":"2+2","answer":"4"}\n',
  },
};
const saved: FakeRepo = {
  type: 'dataset',
  name: 'acme/saved',
  files: Object.fromEntries(
    ['train', 'dev'].flatMap((split) => [
      [`${split}/data-00000-of-00001.arrow`, split],
      [`${split}/state.json`, '{}'],
    ]),
  ),
};
const secret: FakeRepo = { type: 'model', name: 'acme/secret', files: { 'config.json': '{}' }, token: 'hf_abc' };

let hub: FakeHub;
let dir: string;
const lines: Record<string, unknown>[] = [];
beforeEach(async () => {
  hub = await startFakeHub([model, dataset, saved, secret]);
  dir = await mkdtemp(join(tmpdir(), 'cft-hub-'));
  lines.length = 0;
});
afterEach(async () => {
  hub.close();
  await rm(dir, { recursive: true });
});

const train: Wanted = { type: 'dataset', preferred: ['train'] };
function fetch(
  source: string,
  wanted: Wanted = { type: 'model' },
  env: object = {},
  signal = new AbortController().signal,
) {
  const context: FetchContext = {
    env: { HF_ENDPOINT: hub.url, ...env },
    signal,
    logger: { info: (message, fields) => lines.push({ message, ...fields }) },
    now: () => new Date(0),
    pause: () => 1,
  };
  return fetchSource(source, wanted, dir, context);
}

describe('a model', () => {
  test('comes with what is needed to run it, byte by byte, and is fetched once', async () => {
    const path = await fetch('hf://acme/tiny');
    expect((await readdir(path)).sort()).toEqual(['config.json', 'model.safetensors', 'tokenizer.json']);
    expect(await readFile(join(path, 'model.safetensors'))).toEqual(weights);
    expect(lines.at(-1)).toMatchObject({ message: 'fetched', source: 'hf://acme/tiny', of: weights.length + 24 });
    const requests = hub.requests.length;
    expect(await fetch('hf://acme/tiny')).toBe(path);
    expect(hub.requests.length).toBe(requests);
  });

  test('a cut connection goes on where it ended', async () => {
    let cuts = 0;
    hub.intercept = (path, content, start, response) => {
      if (path !== 'model.safetensors' || cuts++ >= 2) return false;
      response.write(content.subarray(start, start + 100_000), () => response.destroy());
      return true;
    };
    const path = await fetch('hf://acme/tiny');
    expect(await readFile(join(path, 'model.safetensors'))).toEqual(weights);
    const starts = hub.requests.flatMap((line) => /cdn.* bytes=(\d+)-/.exec(line)?.[1] ?? []).map(Number);
    // Each later try asks for less than the one before it.
    const resumed = starts.filter((start) => start > 0);
    expect(resumed.length).toBeGreaterThanOrEqual(1);
    expect(resumed).toEqual([...resumed].sort((a, b) => a - b));
  });

  test('a fetch that was killed is never read as whole, and goes on', async () => {
    const abort = new AbortController();
    hub.intercept = (path, content, start, response) => {
      if (path !== 'model.safetensors') return false;
      response.write(content.subarray(start, start + 100_000), () =>
        setTimeout(() => abort.abort(new Error('stop')), 50),
      );
      return true;
    };
    await expect(fetch('hf://acme/tiny', undefined, {}, abort.signal)).rejects.toMatchObject({ code: 'Interrupted' });
    expect(await readdir(join(dir, 'trees')).catch(() => [])).toEqual([]);
    expect(await readdir(join(dir, 'partial'))).toHaveLength(1);
    hub.intercept = undefined;
    hub.requests.length = 0;
    const path = await fetch('hf://acme/tiny');
    expect(await readFile(join(path, 'model.safetensors'))).toEqual(weights);
    expect(hub.requests.some((line) => /model.safetensors bytes=[1-9]\d*-/.test(line))).toBe(true);
    expect(hub.requests.some((line) => /config.json/.test(line))).toBe(false);
  });

  test('altered content is refused', async () => {
    hub.intercept = (path, content, start, response) => {
      if (path !== 'model.safetensors') return false;
      const wrong = Buffer.from(content);
      wrong[5] = (wrong[5] as number) ^ 1;
      response.end(wrong.subarray(start));
      return true;
    };
    await expect(fetch('hf://acme/tiny')).rejects.toMatchObject({ code: 'CorruptFile', where: 'model.safetensors' });
    expect(await readdir(join(dir, 'trees')).catch(() => [])).toEqual([]);
  });

  test('one file or folder of it can be named', async () => {
    const path = await fetch('hf://acme/tiny@main/original/consolidated.safetensors');
    expect(path.endsWith('/consolidated.safetensors')).toBe(true);
    expect(await readdir(await fetch('hf://acme/tiny/original'))).toEqual(['consolidated.safetensors']);
  });

  test('two at the same time fetch it once', async () => {
    const paths = await Promise.all([fetch('hf://acme/tiny'), fetch('hf://acme/tiny')]);
    expect(paths[0]).toBe(paths[1]);
    expect(hub.requests.filter((line) => line.includes('/tree/'))).toHaveLength(1);
  });
});

describe('a data set', () => {
  test('comes as the split that is wanted, with its card', async () => {
    const path = await fetch('hf://acme/sums', train);
    expect(await readdir(join(path, 'main'))).toEqual(['a-0.jsonl']);
    const test = await fetch('hf://acme/sums', { ...train, split: 'test' });
    expect(await readdir(join(test, 'main'))).toEqual(['b-0.jsonl']);
    await expect(fetch('hf://acme/sums', { ...train, split: 'dev' })).rejects.toMatchObject({
      message: 'the data set has the splits train, test, not dev',
    });
  });
});

test('a data set that save_to_disk wrote comes as the split that is wanted, with the order of its files', async () => {
  const path = await fetch('hf://acme/saved', { ...train, split: 'dev' });
  expect(await readdir(path)).toEqual(['dev']);
  expect(await readdir(join(path, 'dev'))).toEqual(['data-00000-of-00001.arrow', 'state.json']);
});

describe('what is not there', () => {
  test.each<[string, object, string, RegExp]>([
    ['hf://acme/tiny@v9', {}, 'FileNotFound', /no such model or revision/],
    ['hf://acme/tiny@main/nothing', {}, 'FileNotFound', /has no nothing/],
    ['hf://acme/other', {}, 'InvalidArgument', /denies access/],
    ['hf://acme/secret', {}, 'InvalidArgument', /denies access/],
    ['hf://acme/secret', { HF_TOKEN: 'hf_wrong' }, 'InvalidArgument', /denies access/],
    ['hf://acme/secret', { HF_TOKEN: 'wrong' }, 'InvalidArgument', /no token of the hub/],
    ['hf://acme', {}, 'InvalidArgument', /can't be read/],
    ['pvc://claim/x', {}, 'InvalidArgument', /can't be read/],
    ['gs://bucket/x', {}, 'InvalidArgument', /can't be read/],
  ])('%s %j is told', async (source, env, code, message) => {
    await expect(fetch(source, undefined, env)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    });
  });

  test('a hub that can not be reached', async () => {
    hub.close();
    await expect(fetch('hf://acme/tiny')).rejects.toMatchObject({
      code: 'ServiceUnavailable',
      message: expect.stringContaining('ECONNREFUSED'),
    });
  });

  test('a token opens what is private', async () => {
    expect(await readdir(await fetch('hf://acme/secret', undefined, { HF_TOKEN: 'hf_abc' }))).toEqual(['config.json']);
  });
});
