import { mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { CftError } from '../../crds/errors.ts';
import { loadCheckpoint, saveCheckpoint, type TrainState } from './checkpoint.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'cft-checkpoint-'));
});
afterEach(() => rm(dir, { recursive: true }));

const state = (step: number, best: TrainState['best'] = null): TrainState => ({
  ...{ step, updates: step, skippedSteps: 0, tokensTrained: 7 * step, logBytes: 100, best },
});
const tensor = (name: string, ...values: number[]) => ({
  name,
  shape: [values.length],
  values: () => Float32Array.of(...values),
});
const validated = { step: 1, validation: { loss: 0.5, accuracy: null, entropy: 0.25 } };

test('what is saved comes back to the bit, the best weights beside the present ones', async () => {
  await saveCheckpoint(dir, 'a', state(2, validated), [tensor('w', 0.1, -0, 1e-40)], [tensor('w', 3, 4, 5)]);
  expect(await loadCheckpoint(dir, 'a')).toEqual({
    kind: 'found',
    checkpoint: {
      state: state(2, validated),
      tensors: new Map([['w', Float32Array.of(0.1, -0, 1e-40)]]),
      best: new Map([['w', Float32Array.of(3, 4, 5)]]),
    },
  });
});

test('the newest counts, and older ones go once it is whole', async () => {
  for (const step of [9, 10, 100]) await saveCheckpoint(dir, 'a', state(step), [tensor('w', step)], undefined);
  expect(await readdir(dir)).toEqual(['step-00000100']);
  expect(await loadCheckpoint(dir, 'a')).toMatchObject({ checkpoint: { state: { step: 100 }, best: undefined } });
});

test('what a kill leaves while the next one is written is no checkpoint, and goes with the next', async () => {
  await saveCheckpoint(dir, 'a', state(1), [tensor('w', 1)], undefined);
  await mkdir(join(dir, 'step-00000002.partial'));
  await writeFile(join(dir, 'step-00000002.partial/state.json'), '{');
  expect(await loadCheckpoint(dir, 'a')).toMatchObject({ checkpoint: { state: { step: 1 } } });
  await saveCheckpoint(dir, 'a', state(3), [tensor('w', 1)], undefined);
  expect(await readdir(dir)).toEqual(['step-00000003']);
});

test('a failed write leaves the checkpoint before as it was', async () => {
  await saveCheckpoint(dir, 'a', state(1), [tensor('w', 1)], undefined);
  const broken = { ...tensor('w', 1), values: () => Promise.reject(new CftError('DiskFull', 'no space left')) };
  await expect(saveCheckpoint(dir, 'a', state(2), [broken], undefined)).rejects.toThrow('no space left');
  expect(await readdir(dir)).toEqual(['step-00000001']);
});

test('there may be none, or one of another training', async () => {
  expect(await loadCheckpoint(join(dir, 'missing'), 'a')).toEqual({ kind: 'none' });
  await saveCheckpoint(dir, 'a', state(1), [], undefined);
  expect(await loadCheckpoint(dir, 'b')).toEqual({ kind: 'other' });
});

test('a damaged one is told by name', async () => {
  await saveCheckpoint(dir, 'a', state(1), [tensor('w', 1, 2)], undefined);
  const [tensors, json] = ['state.safetensors', 'state.json'].map((name) => join(dir, 'step-00000001', name)) as [
    string,
    string,
  ];
  await truncate(tensors, (await readFile(tensors)).length - 1);
  await expect(loadCheckpoint(dir, 'a')).rejects.toThrow(
    expect.objectContaining({ code: 'CorruptFile', where: tensors }),
  );
  await writeFile(json, '{}');
  await expect(loadCheckpoint(dir, 'a')).rejects.toThrow(expect.objectContaining({ code: 'CorruptFile', where: json }));
});
