import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CreateBucketCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { type FauxqsServer, startFauxqs } from 'fauxqs';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { exportRun } from './export.ts';
import type { Wanted } from './hub.ts';
import { openS3 } from './s3.ts';
import { type FetchContext, fetchSource } from './stage-sources.ts';

let root: string;
let server: FauxqsServer;
let env: Record<string, string>;
let client: S3Client;
const weights = randomBytes(200_000);
const saved = { ...process.env };

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'cft-s3-'));
  server = await startFauxqs({ port: 0, host: '127.0.0.1', logger: false });
  env = { AWS_ENDPOINT_URL: `http://127.0.0.1:${server.port}`, AWS_REGION: 'us-east-1' };
  // The SDK itself takes these from the process.
  Object.assign(process.env, { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' });
  client = await openS3(env);
  await client.send(new CreateBucketCommand({ Bucket: 'data' }));
  await put('models/tiny/config.json', '{}');
  await put('models/tiny/model.safetensors', weights);
  await put('models/tiny/optimizer.pt', 'x');
  await put('models/tiny2/config.json', '{}');
  await put('sums/train.jsonl', '{"question":"1+1","answer":"2"}\n');
  await put('sums/test.jsonl', '{"question":"2+2","answer":"4"}\n');
});
afterAll(async () => {
  client.destroy();
  await server.stop();
  await rm(root, { recursive: true });
  process.env = saved;
});

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(root, 'store-'));
});

async function put(Key: string, Body: string | Uint8Array): Promise<void> {
  await client.send(new PutObjectCommand({ Bucket: 'data', Key, Body }));
}
function context(signal = new AbortController().signal): FetchContext {
  return { env, signal, logger: { info: () => {} }, now: () => new Date(0), pause: () => 1 };
}
const model: Wanted = { type: 'model' };
const train: Wanted = { type: 'dataset', preferred: ['train'] };

describe('from a bucket', () => {
  test('a model comes whole, without what only lies beside it', async () => {
    const path = await fetchSource('s3://data/models/tiny/', model, dir, context());
    expect(await readdir(path)).toEqual(['config.json', 'model.safetensors']);
    expect(await readFile(join(path, 'model.safetensors'))).toEqual(weights);
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
    expect(await readFile(await fetchSource('s3://data/moving.jsonl', train, other, context()), 'utf8')).toBe('second');
  });

  test('a begun download goes on where it ended', async () => {
    const path = await fetchSource('s3://data/models/tiny', model, dir, context());
    const names = await readdir(join(dir, 'blobs'));
    const whole = await Promise.all(
      names.map(async (name) => [name, await readFile(join(dir, 'blobs', name))] as const),
    );
    const [key] = whole.find(([, bytes]) => bytes.equals(weights)) ?? [];
    await rm(path, { recursive: true });
    await rm(join(dir, 'blobs', key as string));
    await writeFile(join(dir, 'partial', key as string), weights.subarray(0, 150_000));
    const again = await fetchSource('s3://data/models/tiny', model, dir, context());
    expect(await readFile(join(again, 'model.safetensors'))).toEqual(weights);
  });

  test.each<[string, string, RegExp]>([
    ['s3://nowhere/x', 'FileNotFound', /no such bucket/],
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
  test('report, evaluations, annotations and models are copied; what is there already, is not', async () => {
    const runDir = await mkdtemp(join(root, 'run-'));
    const files = {
      'run.json': '{}',
      'report/index.html': '<p>',
      'annotations/shard-00000-of-00001.jsonl': '{}\n',
      'train/cft-lr1e-5-s0/model/model.safetensors': weights,
      'train/cft-lr1e-5-s0/checkpoint/state.bin': 'x',
      'stages/report/log.jsonl': 'x',
      'sources/blobs/x': 'x',
    };
    for (const [name, content] of Object.entries(files)) {
      await mkdir(join(runDir, name, '..'), { recursive: true });
      await writeFile(join(runDir, name), content);
    }
    expect(await exportRun(runDir, 's3://data/runs/mine', context())).toEqual({ copied: 4, kept: 0 });
    const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: 'data', Prefix: 'runs/mine/' }));
    expect(Contents.map(({ Key }) => Key?.slice('runs/mine/'.length))).toEqual(Object.keys(files).slice(0, 4).sort());
    const key = 'runs/mine/train/cft-lr1e-5-s0/model/model.safetensors';
    const { Body } = await client.send(new GetObjectCommand({ Bucket: 'data', Key: key }));
    expect(Buffer.from((await Body?.transformToByteArray()) ?? [])).toEqual(weights);
    await writeFile(join(runDir, 'report/index.html'), '<p>new');
    expect(await exportRun(runDir, 's3://data/runs/mine', context())).toEqual({ copied: 1, kept: 3 });
  });

  test('a bucket that is not there is told', async () => {
    const runDir = await mkdtemp(join(root, 'run-'));
    await writeFile(join(runDir, 'run.json'), '{}');
    await expect(exportRun(runDir, 's3://nowhere/x', context())).rejects.toMatchObject({ code: 'FileNotFound' });
  });
});
