import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CftRun, type CftRunInput } from '../../crds/cftrun.ts';
import type { AnnotateStage, GenerateStage } from '../../crds/stage.ts';
import { planStages } from '../../crds/stages.ts';
import { readAnnotations } from '../annotate/files.ts';
import { compareAnnotations } from './agreement.ts';
import { annotate } from './annotate.ts';
import { generate } from './generate.ts';
import { memoryContext } from './memory-context.ts';

const example = join(import.meta.dirname, '../../examples/gsm8k-equations');

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'cft-transfer-'));
});
afterAll(() => rm(root, { recursive: true }));

async function annotated(name: string, transfer?: { source: string }) {
  const input: CftRunInput = {
    apiVersion: 'cft.dev/v1alpha1',
    kind: 'CftRun',
    metadata: { name },
    spec: {
      model: { source: './model' },
      data: { train: { source: './train.jsonl', fields: { id: 'id' }, maxSamples: 24 } },
      verifier: { type: 'math' },
      generate: { maxNewTokens: 96 },
      annotate: { maxSamples: 3, ...(transfer === undefined ? {} : { transfer }) },
      evaluation: { datasets: [{ name: 'test', source: './test.jsonl' }] },
    },
  };
  const runDir = join(root, name);
  const stages = planStages(CftRun.parse(input), { manifestDir: example, runDir });
  const context = memoryContext();
  await generate(stages.find(({ kind }) => kind === 'generate') as GenerateStage, context);
  await annotate(stages.find(({ kind }) => kind === 'annotate') as AnnotateStage, context);
  const records = await Array.fromAsync(readAnnotations(join(runDir, 'annotations/shard-00000-of-00001.jsonl')));
  return { records, context, annotations: join(runDir, 'annotations') };
}

test('a run takes responses and masks from the annotations of another', async () => {
  const self = await annotated('self');
  const taken = await annotated('taken', { source: self.annotations });
  const told = (records: typeof self.records) =>
    records.map(({ id, responseIds, masks }) => ({ id, responseIds, masks }));
  expect(taken.records).toHaveLength(3);
  expect(told(taken.records)).toEqual(told(self.records));
  expect(taken.records[0]?.tokens.map(({ probability }) => probability)).toEqual(
    self.records[0]?.tokens.map(({ probability }) => probability),
  );
  expect(taken.context.lines).toContainEqual(
    expect.objectContaining({ message: 'masks transferred', fields: { tokens: 3, spans: 0, scores: 0 } }),
  );
  const { responses, ways, criteria } = await compareAnnotations(self.annotations, taken.annotations);
  expect([responses, ways.tokens, criteria['strict-2'].same, criteria['strict-3'].kappa]).toEqual([3, 3, 1, 1]);
  await expect(annotated('other', { source: join(root, 'nowhere') })).rejects.toMatchObject({ code: 'FileNotFound' });
});
