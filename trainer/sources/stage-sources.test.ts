import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CftRun } from '../../crds/cftrun.ts';
import { planStages } from '../../crds/stages.ts';
import { nameOf } from './address.ts';
import { hasRemoteSource } from './remote-source.ts';
import { withLocalSources } from './stage-sources.ts';
import { type FakeHub, startFakeHub } from './testing.ts';

let hub: FakeHub;
let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'cft-stage-sources-'));
  const row = '{"question":"1+1","answer":"2"}\n';
  hub = await startFakeHub([
    { type: 'model', name: 'acme/tiny', files: { 'config.json': '{}', 'tokenizer.json': '{}' } },
    { type: 'dataset', name: 'acme/sums', files: { 'train.jsonl': row, 'validation.jsonl': row, 'test.jsonl': row } },
    { type: 'dataset', name: 'acme/masks', files: { 'annotations/shard-00000-of-00001.jsonl': '{}\n' } },
  ]);
});
afterAll(async () => {
  hub.close();
  await rm(root, { recursive: true });
});

function stages(model: string, data: string, transfer?: string) {
  const run = CftRun.parse({
    apiVersion: 'cft.dev/v1alpha1',
    kind: 'CftRun',
    metadata: { name: 'mine' },
    spec: {
      model: { source: model },
      data: { train: { source: data } },
      verifier: { type: 'math' },
      annotate: transfer === undefined ? {} : { transfer: { source: transfer } },
      evaluation: { datasets: [{ name: 'sums', source: data }] },
    },
  });
  return planStages(run, { manifestDir: root, runDir: join(root, 'run') });
}

test('every source of every stage is on this machine afterwards, each data set with the split it is for', async () => {
  const context = {
    env: { HF_ENDPOINT: hub.url },
    signal: new AbortController().signal,
    logger: { info: () => {} },
    now: () => new Date(0),
  };
  const found: string[] = [];
  for (const stage of stages('hf://acme/tiny', 'hf://acme/sums', 'hf://acme/masks/annotations')) {
    const local = await withLocalSources(stage, context);
    expect(hasRemoteSource(local)).toBe(false);
    if (local.kind === 'train') expect(nameOf(local.params.model.address ?? '')).toBe('acme/tiny');
    expect({ ...local, params: Object.keys(local.params) }).toEqual({ ...stage, params: Object.keys(stage.params) });
    for (const [name, value] of Object.entries(local.params))
      for (const spec of [value].flat())
        if (typeof spec?.source === 'string')
          found.push(`${stage.kind} ${name}: ${(await readdir(spec.source)).join(' ')}`);
  }
  expect([...new Set(found)].sort()).toEqual([
    'annotate model: config.json tokenizer.json',
    'annotate transfer: shard-00000-of-00001.jsonl',
    'evaluate datasets: test.jsonl',
    'evaluate model: config.json tokenizer.json',
    'evaluate trainingData: train.jsonl',
    'generate data: train.jsonl',
    'generate model: config.json tokenizer.json',
    'generate transfer: shard-00000-of-00001.jsonl',
    'train data: train.jsonl',
    'train model: config.json tokenizer.json',
  ]);
});

test('a run on local files asks for nothing', async () => {
  await writeFile(join(root, 'train.jsonl'), '');
  expect(stages('./model', './train.jsonl').some(hasRemoteSource)).toBe(false);
  expect(stages('./model', 's3://bucket/train').some(hasRemoteSource)).toBe(true);
});
