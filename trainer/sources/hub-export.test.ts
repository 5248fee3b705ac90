import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { exportRun } from './export.ts';
import { type FakeHub, startFakeHub } from './testing.ts';

const weights = randomBytes(250_000);
const files: Record<string, string | Uint8Array> = {
  'run.json': '{}',
  'report/index.html': `<p>${'x'.repeat(2000)}`,
  'train/cft-lr1e-5-s0/model/model.safetensors': weights,
};
const TOKEN = 'hf_writer';
let hub: FakeHub;
let dir: string;
beforeEach(async () => {
  hub = await startFakeHub([], { acme: TOKEN, others: 'hf_other' });
  dir = await mkdtemp(join(tmpdir(), 'cft-hub-export-'));
  for (const [name, content] of Object.entries({ ...files, 'train/cft-lr1e-5-s0/checkpoint/state.bin': 'x' })) {
    await mkdir(join(dir, name, '..'), { recursive: true });
    await writeFile(join(dir, name), content);
  }
});
afterEach(async () => {
  hub.close();
  await rm(dir, { recursive: true });
});

function toHub(destination: string, env: object = { HF_TOKEN: TOKEN }, signal = new AbortController().signal) {
  return exportRun(dir, destination, {
    env: { HF_ENDPOINT: hub.url, ...env },
    signal,
    logger: { info: () => {} },
    now: () => new Date(0),
    pause: () => 1,
  });
}
function stored(name: string, branch?: string): Record<string, Buffer> {
  const repo = hub.repos.find((one) => one.name === name);
  const content = branch === undefined ? repo?.files : repo?.branches?.[branch];
  return Object.fromEntries(Object.entries(content ?? {}).map(([path, bytes]) => [path, Buffer.from(bytes)]));
}
const exported = Object.fromEntries(
  Object.entries(files).map(([name, content]) => [`mine/${name}`, Buffer.from(content)]),
);
const sent = (what: RegExp) => hub.requests.filter((line) => what.test(line)).length;

describe('a run is exported to the hub', () => {
  test('into a private repository that is made for it, byte by byte, large files through LFS', async () => {
    expect(await toHub('hf://acme/results/mine')).toEqual({ copied: 3, kept: 0 });
    expect(hub.repos).toMatchObject([{ type: 'model', name: 'acme/results', token: TOKEN }]);
    expect(stored('acme/results')).toMatchObject(exported);
    expect(Object.keys(stored('acme/results'))).toHaveLength(4);
    expect([...hub.objects.values()]).toContainEqual(weights);
    expect(sent(/POST .*commit/)).toBe(1);
  });

  test('once: what is there already is left as it is, and what has changed is replaced', async () => {
    await toHub('hf://acme/results/mine');
    expect(await toHub('hf://acme/results/mine')).toEqual({ copied: 0, kept: 3 });
    expect(sent(/POST .*commit/)).toBe(1);
    await writeFile(join(dir, 'run.json'), '{"a":1}');
    expect(await toHub('hf://acme/results/mine')).toEqual({ copied: 1, kept: 2 });
    expect(stored('acme/results')['mine/run.json']?.toString()).toBe('{"a":1}');
  });

  test('to a branch, beside what others have there', async () => {
    hub.repos.push({ type: 'model', name: 'acme/results', files: { 'README.md': '# ours' } });
    await toHub('hf://acme/results@trials/mine');
    expect(stored('acme/results')).toEqual({ 'README.md': Buffer.from('# ours') });
    expect(stored('acme/results', 'trials')).toEqual({ 'README.md': Buffer.from('# ours'), ...exported });
    expect(await toHub('hf://acme/results@trials/mine')).toEqual({ copied: 0, kept: 3 });
  });

  test('to a data set repository where the address says so', async () => {
    await toHub('hf://datasets/acme/annotated/mine');
    expect(hub.repos).toMatchObject([{ type: 'dataset', name: 'acme/annotated' }]);
    expect(stored('acme/annotated')).toMatchObject(exported);
  });
});

describe('an upload that is disturbed', () => {
  test('is tried again, and sends no object twice that has arrived', async () => {
    let disturbances = 0;
    hub.refuse = (line) => {
      if (/PUT \/lfs/.test(line) && disturbances < 2) return disturbances++ === 0 ? 0 : 503;
      return /commit/.test(line) && disturbances++ === 2 ? 502 : undefined;
    };
    expect(await toHub('hf://acme/results/mine')).toEqual({ copied: 3, kept: 0 });
    expect(disturbances).toBe(4);
    expect(stored('acme/results')).toMatchObject(exported);
    expect(hub.objects.size).toBe(2);
    const puts = sent(/PUT \/lfs/);
    hub.refuse = undefined;
    await writeFile(join(dir, 'run.json'), '{"a":1}');
    await toHub('hf://acme/results/mine');
    expect(sent(/PUT \/lfs/)).toBe(puts);
  });

  test('leaves nothing half done when it is stopped, and goes on with the next start', async () => {
    const abort = new AbortController();
    hub.refuse = (line) => {
      if (/commit/.test(line)) abort.abort(new Error('stop'));
      return /commit/.test(line) ? 0 : undefined;
    };
    await expect(toHub('hf://acme/results/mine', undefined, abort.signal)).rejects.toThrow('stop');
    expect(Object.keys(stored('acme/results'))).toEqual(['.gitattributes']);
    hub.refuse = undefined;
    const puts = sent(/PUT \/lfs/);
    expect(await toHub('hf://acme/results/mine')).toEqual({ copied: 3, kept: 0 });
    expect(sent(/PUT \/lfs/)).toBe(puts);
    expect(stored('acme/results')).toMatchObject(exported);
  });

  test('ends in an error when the hub stays away', async () => {
    hub.refuse = (line) => (/commit/.test(line) ? 503 : undefined);
    await expect(toHub('hf://acme/results/mine')).rejects.toMatchObject({ code: 'ServiceUnavailable' });
    expect(sent(/POST .*commit/)).toBe(5);
  });
});

describe('without the right to write', () => {
  test.each<[string, string, object, string, RegExp]>([
    ['no token', 'hf://acme/results/mine', {}, 'InvalidArgument', /needs a token/],
    ['what is no token', 'hf://acme/results/mine', { HF_TOKEN: 'x' }, 'InvalidArgument', /no token of the hub/],
    ['an unknown token', 'hf://acme/results/mine', { HF_TOKEN: 'hf_x' }, 'InvalidArgument', /status 401/],
    ['of another owner', 'hf://others/results/mine', { HF_TOKEN: TOKEN }, 'InvalidArgument', /status 403/],
  ])('%s', async (_, destination, env, code, message) => {
    await expect(toHub(destination, env)).rejects.toMatchObject({
      code,
      where: destination,
      message: expect.stringMatching(message),
      hint: expect.any(String),
    });
    expect(hub.repos).toEqual([]);
  });

  test('to a repository of others', async () => {
    hub.repos.push({ type: 'model', name: 'others/results', files: { 'README.md': '# theirs' } });
    await expect(toHub('hf://others/results/mine')).rejects.toMatchObject({
      code: 'InvalidArgument',
      message: expect.stringMatching(/status 403/),
    });
    expect(stored('others/results')).toEqual({ 'README.md': Buffer.from('# theirs') });
    expect(sent(/preupload/)).toBe(1);
  });
});
