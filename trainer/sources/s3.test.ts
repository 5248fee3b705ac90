import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CreateBucketCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Cutter, startCutter } from '../../test/s3/cutter.ts';
import { BUILD_TIMEOUT, hasS3Server, provideS3Server, type S3Server, startS3Server } from '../../test/s3/server.ts';
import { exportRun } from './export.ts';
import type { Wanted } from './hub.ts';
import { openS3 } from './s3.ts';
import { type FetchContext, fetchSource } from './stage-sources.ts';

const MB = 1_000_000;

let root: string;
let server: S3Server;
let cutter: Cutter;
let client: S3Client;
const weights = randomBytes(20 * MB);

describe.skipIf(!hasS3Server)('with an S3 server (npm run setup:cluster)', () => {
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'cft-s3-'));
    await provideS3Server();
    server = await startS3Server('eu-central-1');
    cutter = await startCutter(server.port);
    client = await openS3(server.env);
    await client.send(new CreateBucketCommand({ Bucket: 'data' }));
    await put('models/tiny/config.json', '{}');
    await put('models/tiny/model.safetensors', weights);
    await put('models/tiny/optimizer.pt', 'x');
    await put('models/tiny2/config.json', '{}');
    await put('sums/train.jsonl', '{"question":"1+1","answer":"2"}\n');
    await put('sums/test.jsonl', '{"question":"2+2","answer":"4"}\n');
  }, BUILD_TIMEOUT);
  afterAll(async () => {
    client.destroy();
    cutter.close();
    await server.stop();
    await rm(root, { recursive: true });
  });

  let dir: string;
  beforeEach(async () => {
    cutter.left = undefined;
    dir = await mkdtemp(join(root, 'store-'));
  });

  async function put(Key: string, Body: string | Uint8Array): Promise<void> {
    await client.send(new PutObjectCommand({ Bucket: 'data', Key, Body }));
  }
  function context(env: Readonly<Record<string, string>> = {}): FetchContext {
    const { signal } = new AbortController();
    return {
      env: { ...server.env, ...env },
      signal,
      logger: { info: () => {} },
      now: () => new Date(0),
      pause: () => 1,
    };
  }
  /** By a way that {@link cutter} can end. */
  function cuttable(): FetchContext {
    return context({ AWS_ENDPOINT_URL: `http://127.0.0.1:${cutter.port}` });
  }
  const model: Wanted = { type: 'model' };
  const train: Wanted = { type: 'dataset', preferred: ['train'] };

  describe('from a bucket', () => {
    test('a model comes whole, without what only lies beside it', async () => {
      const path = await fetchSource('s3://data/models/tiny/', model, dir, context());
      expect(await readdir(path)).toEqual(['config.json', 'model.safetensors']);
      expect((await readFile(join(path, 'model.safetensors'))).equals(weights)).toBe(true);
    });

    test('a data set comes as the split that is wanted, or as the file that is named', async () => {
      expect(await readdir(await fetchSource('s3://data/sums', train, dir, context()))).toEqual(['train.jsonl']);
      const file = await fetchSource('s3://data/sums/test.jsonl', train, dir, context());
      expect(await readFile(file, 'utf8')).toContain('2+2');
    });

    test('a run reads the same content in all its stages, also when the object has changed since', async () => {
      await put('moving.jsonl', 'first');
      const first = await fetchSource('s3://data/moving.jsonl', train, dir, context());
      await put('moving.jsonl', 'second');
      expect(await readFile(await fetchSource('s3://data/moving.jsonl', train, dir, context()), 'utf8')).toBe('first');
      expect(await readFile(first, 'utf8')).toBe('first');
      const other = await mkdtemp(join(root, 'store-'));
      expect(await readFile(await fetchSource('s3://data/moving.jsonl', train, other, context()), 'utf8')).toBe(
        'second',
      );
    });

    test('a transfer that was cut goes on where it ended', async () => {
      cutter.left = { direction: 'down', bytes: 12 * MB };
      const source = 's3://data/models/tiny/model.safetensors';
      await expect(fetchSource(source, model, dir, cuttable())).rejects.toMatchObject({ code: 'ServiceUnavailable' });
      // Enough for the rest, and not for all of it again.
      cutter.left = { direction: 'down', bytes: 12 * MB };
      expect((await readFile(await fetchSource(source, model, dir, cuttable()))).equals(weights)).toBe(true);
    });

    test.each<[string, string, RegExp]>([
      ['s3://data/nothing', 'FileNotFound', /no object of this key/],
      ['s3://data/models/tin', 'FileNotFound', /no object of this key/],
    ])('%s is told', async (source, code, message) => {
      await expect(fetchSource(source, model, dir, context())).rejects.toMatchObject({
        code,
        message: expect.stringMatching(message),
      });
    });
  });

  describe('to a bucket', () => {
    async function finishedRun(files: Readonly<Record<string, string | Uint8Array>>): Promise<string> {
      const runDir = await mkdtemp(join(root, 'run-'));
      for (const [name, content] of Object.entries(files)) {
        await mkdir(join(runDir, name, '..'), { recursive: true });
        await writeFile(join(runDir, name), content);
      }
      return runDir;
    }
    async function keysBelow(Prefix: string): Promise<string[]> {
      const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: 'data', Prefix }));
      return Contents.map(({ Key = '' }) => Key.slice(Prefix.length));
    }

    test('report, evaluations, annotations and models are copied; what is there already, is not', async () => {
      const files = {
        'run.json': '{}',
        'report/index.html': '<p>',
        'annotations/shard-00000-of-00001.jsonl': '{}\n',
        'train/cft-lr1e-5-s0/model/model.safetensors': weights,
        'train/cft-lr1e-5-s0/checkpoint/state.bin': 'x',
        'stages/report/log.jsonl': 'x',
        'sources/blobs/x': 'x',
      };
      const runDir = await finishedRun(files);
      expect(await exportRun(runDir, 's3://data/runs/mine', context())).toEqual({ copied: 4, kept: 0 });
      expect(await keysBelow('runs/mine/')).toEqual(Object.keys(files).slice(0, 4).sort());
      const key = 'runs/mine/train/cft-lr1e-5-s0/model/model.safetensors';
      const { Body } = await client.send(new GetObjectCommand({ Bucket: 'data', Key: key }));
      expect(weights.equals((await Body?.transformToByteArray()) ?? Buffer.of())).toBe(true);
      await writeFile(join(runDir, 'report/index.html'), '<p>new');
      expect(await exportRun(runDir, 's3://data/runs/mine', context())).toEqual({ copied: 1, kept: 3 });
    });

    const MODEL = 'train/cft-lr1e-5-s0/model/model.safetensors';

    test('a large file goes up in parts, and comes back checked by the digest of its content', async () => {
      await exportRun(await finishedRun({ [MODEL]: weights }), 's3://data/runs/large', context());
      const head = await client.send(new HeadObjectCommand({ Bucket: 'data', Key: `runs/large/${MODEL}` }));
      expect(head.ETag).toMatch(/-4"$/);
      const path = await fetchSource(`s3://data/runs/large/${MODEL}`, model, dir, context());
      expect((await readFile(path)).equals(weights)).toBe(true);
      expect(await readdir(join(dir, 'blobs'))).toEqual([expect.stringMatching(/^sha256-/)]);
    });

    test('an upload that was cut leaves nothing under the name, and another start completes it', async () => {
      const runDir = await finishedRun({ 'run.json': '{}', [MODEL]: weights });
      cutter.left = { direction: 'up', bytes: 12 * MB };
      const exported = () => exportRun(runDir, 's3://data/runs/cut', cuttable());
      await expect(exported()).rejects.toMatchObject({ code: 'ServiceUnavailable' });
      expect(await keysBelow('runs/cut/')).toEqual(['run.json']);
      cutter.left = undefined;
      expect(await exported()).toEqual({ copied: 1, kept: 1 });
      expect(await keysBelow('runs/cut/')).toEqual(['run.json', MODEL]);
    });
  });

  const refusals: [string, Readonly<Record<string, string>>, string, RegExp][] = [
    ['a secret that is wrong', { AWS_SECRET_ACCESS_KEY: 'wrong' }, 's3://data/sums', /no access/],
    ['a key that nobody has', { AWS_ACCESS_KEY_ID: 'nobody' }, 's3://data/sums', /no access/],
    ['a bucket of another region', { AWS_REGION: 'us-east-1' }, 's3://data/sums', /refuses the request/],
    ['a bucket that is not there', {}, 's3://nowhere/x', /no such bucket/],
  ];
  describe.each(refusals)('refused: %s', (_, env, address, message) => {
    const told = { name: 'CftError', message: expect.stringMatching(message) };

    test('a fetch says so', async () => {
      await expect(fetchSource(address, model, dir, context(env))).rejects.toMatchObject(told);
    });

    test('an export says so', async () => {
      const runDir = await mkdtemp(join(root, 'run-'));
      await writeFile(join(runDir, 'run.json'), '{}');
      await expect(exportRun(runDir, address, context(env))).rejects.toMatchObject(told);
    });
  });
});
