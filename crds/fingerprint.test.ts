import { mkdirSync, mkdtempSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { fingerprint, withInputDigests } from './fingerprint.ts';
import { parseCftRun } from './parse.ts';
import { planStages } from './stages.ts';

function place(): { dir: string; model: string; train: string; test: string } {
  const dir = mkdtempSync(join(tmpdir(), 'cft-fingerprint-'));
  mkdirSync(join(dir, 'model'));
  writeFileSync(join(dir, 'model', 'config.json'), '{}');
  writeFileSync(join(dir, 'train.jsonl'), '{"question":"1+1","answer":"2"}\n');
  writeFileSync(join(dir, 'test.jsonl'), '{"question":"1+2","answer":"3"}\n');
  return { dir, model: join(dir, 'model'), train: join(dir, 'train.jsonl'), test: join(dir, 'test.jsonl') };
}

async function digests(dir: string): Promise<Record<string, string>> {
  const run = parseCftRun(
    {
      apiVersion: 'cft.dev/v1alpha1',
      kind: 'CftRun',
      metadata: { name: 'demo' },
      spec: {
        model: { source: 'model' },
        data: { train: { source: 'train.jsonl' } },
        verifier: { type: 'math' },
        evaluation: { datasets: [{ name: 'test', source: 'test.jsonl' }] },
      },
    },
    'test',
  );
  const stages = await withInputDigests(planStages(run, { manifestDir: dir, runDir: join(dir, 'run') }));
  return Object.fromEntries(stages.map(({ name, digest }) => [name, digest]));
}

test('the same content has the same fingerprint, whatever its place and time', async () => {
  const [a, b] = [place(), place()];
  utimesSync(b.train, new Date(0), new Date(0));
  expect(await digests(a.dir)).toEqual(await digests(b.dir));
  expect(await fingerprint(a.train)).not.toBe(await fingerprint(a.test));
});

test('a changed test file concerns evaluation and report, and nothing before them', async () => {
  const { dir, test: file } = place();
  const before = await digests(dir);
  writeFileSync(file, '{"question":"1+2","answer":"4"}\n');
  const after = await digests(dir);
  const changed = Object.keys(before).filter((name) => before[name] !== after[name]);
  expect(changed).toEqual(['evaluate-base', 'evaluate-sft', 'evaluate-cft', 'report']);
});

test('a changed model concerns everything', async () => {
  const { dir, model } = place();
  const before = await digests(dir);
  writeFileSync(join(model, 'config.json'), '{"a":1}');
  const after = await digests(dir);
  expect(Object.keys(before).filter((name) => before[name] === after[name])).toEqual([]);
});
