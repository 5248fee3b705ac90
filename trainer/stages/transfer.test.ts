import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CftRun, type CftRunInput } from '../../crds/cftrun.ts';
import type { AnnotateStage, GenerateStage } from '../../crds/stage.ts';
import { planStages } from '../../crds/stages.ts';
import { readAnnotations } from '../annotate/files.ts';
import type { AnnotationRecord } from '../annotate/record.ts';
import { loadConfig } from '../model/config.ts';
import { writeSafetensors } from '../model/safetensors-write.ts';
import { fixtureDir } from '../model/testing.ts';
import { weightShapes } from '../model/weights.ts';
import { createRandom } from '../random.ts';
import { loadTokenizer } from '../tokenizer/load.ts';
import { compareAnnotations } from './agreement.ts';
import { annotate } from './annotate.ts';
import { generate } from './generate.ts';
import { memoryContext } from './memory-context.ts';

const example = join(import.meta.dirname, '../../examples/gsm8k-equations');

let root: string;
/** The example's model with its own responses and masks. */
let self: Awaited<ReturnType<typeof annotated>>;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'cft-transfer-'));
  self = await annotated('self');
});
afterAll(() => rm(root, { recursive: true }));

async function annotated(name: string, transfer?: { source: string }, model = './model', maxNewTokens = 96) {
  const input: CftRunInput = {
    apiVersion: 'cft.dev/v1alpha1',
    kind: 'CftRun',
    metadata: { name },
    spec: {
      model: { source: model },
      data: { train: { source: './train.jsonl', fields: { id: 'id' }, maxSamples: 24 } },
      verifier: { type: 'math' },
      generate: { maxNewTokens },
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

test('a model with a tokenizer of another kind takes the masks by characters; where it reads a response otherwise, by probability', async () => {
  const taken = await annotated('by-spans', { source: self.annotations }, await randomModel('metaspace'), 192);
  expect(taken.context.lines).toContainEqual(
    expect.objectContaining({ message: 'masks transferred', fields: { tokens: 0, spans: 3, scores: 0 } }),
  );
  expect(taken.context.warnings.map(({ reason }) => reason)).not.toContain('TransferByScore');
  expect(taken.records.map(({ response }) => response)).toEqual(self.records.map(({ response }) => response));
  expect(taken.records[0]?.responseIds).not.toEqual(self.records[0]?.responseIds);
  // Laid back on the first tokens, every critical one is critical again.
  const { ways, criteria } = await compareAnnotations(self.annotations, taken.annotations);
  expect(ways).toEqual({ tokens: 0, spans: 3, scores: 0 });
  expect(criteria['strict-2']).toMatchObject({ first: 0, both: count(self.records) });
  expect(criteria['strict-2'].same).toBeGreaterThan(0.8);

  const squares = join(root, 'squares.jsonl');
  const squared = self.records.map((record) => ({ ...record, response: record.response.replace('####', '² ####') }));
  await writeFile(squares, squared.map((record) => `${JSON.stringify(record)}\n`).join(''));
  const ranked = await annotated('by-scores', { source: squares }, await randomModel('unigram'), 192);
  expect(ranked.context.warnings).toContainEqual(
    expect.objectContaining({ reason: 'TransferByScore', message: expect.stringContaining('3 of 3 responses') }),
  );
  for (const [i, record] of ranked.records.entries()) {
    const share = count([self.records[i] as AnnotationRecord]) / (self.records[i]?.tokens.length ?? 0);
    expect(count([record])).toBe(Math.round(share * record.tokens.length));
  }
});

/** Critical tokens, by strict-2. */
function count(records: readonly AnnotationRecord[]): number {
  return records.reduce((sum, { masks }) => sum + masks['strict-2'].filter((bit) => bit === 1).length, 0);
}

/** A small model with random weights and one of the test tokenizers. */
async function randomModel(tokenizer: string): Promise<string> {
  const dir = join(root, `model-${tokenizer}`);
  await mkdir(dir);
  for (const file of ['tokenizer.json', 'tokenizer_config.json'])
    await cp(join(import.meta.dirname, '../tokenizer/testdata', tokenizer, file), join(dir, file));
  const config = JSON.parse(await readFile(join(fixtureDir('tied-gqa2'), 'config.json'), 'utf8'));
  const { vocabSize, eosTokenId } = await loadTokenizer(dir);
  const own = { ...config, vocab_size: vocabSize, eos_token_id: eosTokenId, bos_token_id: null, pad_token_id: null };
  await writeFile(join(dir, 'config.json'), JSON.stringify(own));
  const random = createRandom(1);
  const weights = [...weightShapes(await loadConfig(dir))].map(([name, shape]) => ({
    name,
    shape,
    values: () => Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => random.normal() / 4),
  }));
  await writeSafetensors(join(dir, 'model.safetensors'), weights);
  return dir;
}
