/** `cft export`: what it writes, read back, and the loss that the libraries it is meant for compute on it. */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet';
import { beforeAll, expect, test } from 'vitest';
import { axolotlPython, referencePython, swiftPython } from '../../scripts/reference-env.ts';
import { loadModel } from '../model/load.ts';
import { fixtureDir } from '../model/testing.ts';
import { weightedSequence } from '../objective/weighted-sequence.ts';
import { createRandom } from '../random.ts';
import { main } from '../stages/export.ts';
import { loadBackend } from '../tensor/backend.ts';
import { createSession } from '../tensor/create-session.ts';
import { createAdamW } from '../train/adamw.ts';
import { microBatches } from '../train/micro-batches.ts';
import { createTrainPrograms } from '../train/programs.ts';
import { exportRow, FORMATS, type Format, type Row } from './rows.ts';

const python = referencePython();
const swift = swiftPython();
const axolotl = axolotlPython();
const options = { criterion: 'strict-3', seed: 0 };

/** An annotation with random tokens under 60 and a random mask, its last token critical. */
function annotation(tag: number) {
  const random = createRandom(tag);
  const ids = (count: number) => Array.from({ length: count }, () => random.int(60));
  const [promptIds, responseIds] = [ids(1 + random.int(5)), ids(2 + random.int(8))];
  const mask = responseIds.map((_, place) => (place === responseIds.length - 1 ? 1 : random.int(2)));
  const tokens = responseIds.map((id) => ({ id, text: String(id), probability: 0.5, entropy: 0.5, alternatives: [] }));
  const texts = { question: 'q', prompt: 'q', answer: '1', response: 'r' };
  return { id: String(tag), ...texts, promptIds, responseIds, masks: { 'strict-2': mask, 'strict-3': mask }, tokens };
}

const records = Array.from({ length: 9 }, (_, tag) => annotation(tag));
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cft-export-'));
  const annotations = join(folder, 'annotations');
  mkdirSync(annotations);
  for (const [shard, part] of [records.slice(0, 5), records.slice(5)].entries())
    writeFileSync(join(annotations, `${shard}.jsonl`), part.map((record) => `${JSON.stringify(record)}\n`).join(''));
  for (const format of Object.keys(FORMATS))
    for (const kind of ['jsonl', 'parquet']) {
      const out = join(folder, `${format}.${kind}`);
      expect(await main(['--annotations', annotations, '--out', out, '--format', format])).toBe(0);
    }
});

test.each(Object.keys(FORMATS) as Format[])(
  '%s: both kinds of file hold a row for each response, in order, and nothing else is left',
  async (format) => {
    const expected = records.map((record) => exportRow(format, weightedSequence('critical', record, options)));
    const lines = readFileSync(join(folder, `${format}.jsonl`), 'utf8')
      .trimEnd()
      .split('\n');
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual(expected);
    const file = await asyncBufferFromFile(join(folder, `${format}.parquet`));
    expect(await parquetReadObjects({ file })).toEqual(expected);
    expect(readdirSync(folder).filter((name) => name.startsWith('.') || name.endsWith('.partial'))).toEqual([]);
  },
);

test('every format trains the same tokens: those with weight, at their own place, and never the prompt', () => {
  fc.assert(
    fc.property(fc.nat(), fc.constantFrom('critical', 'all', 'random'), (tag, objective) => {
      const record = annotation(tag);
      const sequence = weightedSequence(objective, record, options);
      const { ids, weights } = sequence;
      const labels = exportRow('labels', sequence);
      const mask = exportRow('completion-mask', sequence);
      const scale = exportRow('loss-scale', sequence);
      expect(labels.labels).toEqual(ids.map((id, place) => (weights[place] === 0 ? -100 : id)));
      expect(mask.completion_mask).toEqual(weights);
      expect(scale.messages).toEqual([{ role: 'assistant', content: { token_ids: ids, loss_scale: weights } }]);
      for (const row of [labels, mask])
        for (const column of Object.values(row)) expect(column).toHaveLength(ids.length);
    }),
  );
});

test.each([
  [[], '--annotations PATH is missing'],
  [['--annotations', 'x'], '--out FILE is missing'],
  [['--annotations', 'x', '--out', 'x.csv'], 'the file must end in .jsonl or .parquet'],
  [['--annotations', 'x', '--out', 'x.jsonl', '--format', 'label'], '"label" is none of'],
  [['--annotations', '/nowhere', '--out', 'x.jsonl'], 'no such file or directory'],
])('refuses %j', async (argv, message) => {
  await expect(main(argv)).rejects.toMatchObject({ message: expect.stringContaining(message) });
});

/** The loss of the first step of our own training. */
async function ourLoss(): Promise<number> {
  await loadBackend();
  const session = createSession();
  const model = await loadModel(session, fixtureDir('tied-gqa2'));
  const settings = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, decay: 'all' } as const;
  const optimizer = createAdamW(session, model.variables, settings);
  const programs = createTrainPrograms({ ...model, session, trained: model.variables }, optimizer, undefined);
  const sequences = records.map((record) => weightedSequence('critical', record, options));
  const { loss } = programs.step(microBatches(sequences, records.length, 'step'), optimizer.scalars(1, 0));
  session.dispose();
  return loss;
}

/** What a script beside this test prints last, as JSON. */
async function printed(program: string | undefined, script: string, ...args: string[]): Promise<unknown> {
  const path = join(import.meta.dirname, 'testdata', script);
  const env = { ...process.env, HF_HUB_OFFLINE: '1', AXOLOTL_DO_NOT_TRACK: '1' };
  const { stdout } = await promisify(execFile)(program as string, [path, fixtureDir('tied-gqa2'), ...args], { env });
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
}

test.skipIf(python === undefined)('transformers and TRL compute the loss that we train on', async () => {
  const losses = (await printed(python, 'losses.py', folder)) as Record<string, number>;
  expect(Object.keys(losses)).toHaveLength(4);
  const loss = await ourLoss();
  for (const theirs of Object.values(losses)) expect(theirs).toBeCloseTo(loss, 4);
});

test.skipIf(swift === undefined).each(['jsonl', 'parquet'])(
  'ms-swift itself trains on the loss that we train on, from %s',
  { timeout: 120_000 },
  async (kind) => {
    const out = mkdtempSync(join(folder, 'swift-'));
    expect(await printed(swift, 'swift_loss.py', join(folder, `loss-scale.${kind}`), out)).toBeCloseTo(
      await ourLoss(),
      4,
    );
  },
);

test.skipIf(axolotl === undefined).each(['jsonl', 'parquet'])(
  'Axolotl itself trains on our tokens and labels and on the loss that we train on, from %s',
  { timeout: 120_000 },
  async (kind) => {
    const out = mkdtempSync(join(folder, 'axolotl-'));
    const { loss, rows } = (await printed(axolotl, 'axolotl_loss.py', join(folder, `labels.${kind}`), out)) as {
      loss: number;
      rows: readonly Row[];
    };
    expect(loss).toBeCloseTo(await ourLoss(), 4);
    const ours = records.map((record) => exportRow('labels', weightedSequence('critical', record, options)));
    const sorted = (list: readonly Row[]) => list.map((row) => JSON.stringify(row)).sort();
    expect(sorted(rows)).toEqual(sorted(ours));
  },
);
