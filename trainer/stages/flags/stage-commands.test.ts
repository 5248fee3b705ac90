import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { TrainStage } from '../../../crds/stage.ts';
import { STAGE_COMMANDS, type StageCommand } from './stage-commands.ts';

const cwd = mkdtempSync(join(tmpdir(), 'cft-commands-'));
const place = { cwd, out: join(cwd, 'out') };
writeFileSync(join(cwd, 'a.jsonl'), '{}\n');
writeFileSync(join(cwd, 'data.jsonl'), '{"question":"1+1","answer":"2"}\n');
const { plan } = STAGE_COMMANDS.find(({ kind }) => kind === 'train') as StageCommand;

test('cft train without a data set keeps no question out, unless it is told to: then of the annotated ones', async () => {
  const given = { model: 'model', annotations: ['a.jsonl'] };
  const data = expect.objectContaining({ source: join(cwd, 'a.jsonl'), promptTemplate: '{prompt}' });
  const [stage] = (await plan(given, place)) as TrainStage[];
  expect(stage?.params).toMatchObject({ inputs: ['../a.jsonl'], output: 'train', validationFraction: 0, data });
  const [some] = (await plan({ ...given, validationFraction: '0.2' }, place)) as TrainStage[];
  expect(some?.params).toMatchObject({ validationFraction: 0.2, data });
  expect(some?.digest).not.toBe(stage?.digest);
});

test('cft train with a data set validates on a part of it', async () => {
  const [stage] = (await plan({ model: 'model', annotations: ['a.jsonl'], data: 'data.jsonl' }, place)) as TrainStage[];
  expect(stage?.params.data).toMatchObject({ source: join(cwd, 'data.jsonl') });
  expect(stage?.params.validationFraction).toBeGreaterThan(0);
});

test('cft train names what is missing', async () => {
  await expect(plan({ model: 'model' }, place)).rejects.toMatchObject({
    message: expect.stringContaining('--annotations'),
  });
  await expect(plan({ annotations: ['a.jsonl'] }, place)).rejects.toMatchObject({
    message: expect.stringContaining('--model'),
  });
  await expect(plan({ model: 'model', annotations: ['b'] }, place)).rejects.toMatchObject({ code: 'FileNotFound' });
});
