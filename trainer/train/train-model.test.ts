import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { CftError } from '../../crds/errors.ts';
import { memoryContext } from '../stages/memory-context.ts';
import { loadBackend } from '../tensor/backend.ts';
import { shuffledData, streamedData } from './data.ts';
import { copyTask, everLater, SETTINGS, tinyModel, trainTiny } from './testing.ts';
import type { TrainLogLine } from './train-log.ts';
import { trainModel } from './train-model.ts';

let dir: string;
beforeAll(async () => {
  await loadBackend();
});
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'cft-train-'));
});
afterEach(() => rm(dir, { recursive: true }));

const readLog = async (at = dir) =>
  (await readFile(join(at, 'log.jsonl'), 'utf8'))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as TrainLogLine);

test('learns a task: the loss falls, and the log and the metrics tell how', async () => {
  const settings = { ...SETTINGS, epochs: 12, learningRate: 3e-2 };
  const { result, context } = await trainTiny(dir, { settings, logSamples: true });
  const log = await readLog();
  expect(log[0]).toMatchObject({ step: 0, epoch: 0, loss: null, tokens: 0, validation: { accuracy: null } });
  expect(log.slice(1).map(({ step }) => step)).toEqual(Array.from({ length: 72 }, (_, index) => index + 1));
  const losses = log.slice(1).map(({ loss }) => loss ?? Number.NaN);
  const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  expect(mean(losses.slice(-6))).toBeLessThan(0.6 * mean(losses.slice(0, 6)));
  const validated = log.filter(({ validation }) => validation !== undefined);
  expect(validated.map(({ step }) => step)).toEqual([0, ...Array.from({ length: 12 }, (_, index) => 6 * (index + 1))]);

  const lowest = validated.slice(1).toSorted((a, b) => (a.validation?.loss ?? 0) - (b.validation?.loss ?? 0))[0];
  expect(result).toMatchObject({ steps: 72, skippedSteps: 0, bestStep: lowest?.step, validation: lowest?.validation });
  expect(result.tokensTrained).toBe(log.at(-1)?.tokens);
  expect(log[1]?.samples).toHaveLength(4);
  expect(context.values.get('cft_train_tokens_total{tokens="weighted"}')).toBe(result.tokensTrained);
  expect(context.values.get('cft_train_loss_nats')).toBe(losses.at(-1));
  expect(context.values.get('cft_token_entropy_nats{tokens="all"}')).toBe(log.at(-1)?.validation?.entropy);
  expect(context.updates.at(-1)).toEqual({ phase: 'train', done: 72, total: 72 });
});

test('the session ends with the best weights, not the last ones', async () => {
  const accuracies = [0.9, 0.2, 0.8, 0.8, 0.1];
  const model = await tinyModel();
  const seen: string[] = [];
  const accuracy = async () => {
    seen.push(Buffer.from(model.trained.get('model.norm.weight')?.values() as Float32Array).toString('hex'));
    return accuracies[seen.length - 1] ?? 0;
  };
  const settings = { ...SETTINGS, epochs: 4 };
  const validation = { sequences: copyTask(9, 1), accuracy };
  const { result, weights } = await trainTiny(dir, { model, settings, validation });
  const [second, third] = (await readLog()).filter((line) => line.validation?.accuracy === 0.8);
  const best = (second?.validation?.loss ?? 0) <= (third?.validation?.loss ?? 0) ? second : third;
  expect(result).toMatchObject({ bestStep: best?.step, validation: { accuracy: 0.8 } });
  const index = (best?.step ?? 0) / 6;
  expect(Buffer.from(weights['model.norm.weight'] as Float32Array).toString('hex')).toBe(seen[index]);
});

describe('gone on from a checkpoint', () => {
  test.each([
    { name: 'one micro-batch', settings: SETTINGS },
    { name: 'accumulation', settings: { ...SETTINGS, batchSize: 2, gradientAccumulationSteps: 3, epochs: 3 } },
  ])(
    '$name: stopped again and again, it ends with the same weights and log as undisturbed',
    async ({ settings }) => {
      const undisturbed = await trainTiny(join(dir, 'undisturbed'), { settings });
      const interrupted = join(dir, 'interrupted');
      for (let stops = 0; ; stops++) {
        // Each process lives for five steps.
        let steps = 0;
        const memory = memoryContext({ now: everLater() });
        const cancellationPoint = async () => {
          if (++steps === 5) throw new CftError('Interrupted', 'stopped');
        };
        try {
          const again = await trainTiny(interrupted, { settings, context: { ...memory, cancellationPoint } });
          expect(stops).toBe(2);
          expect(again.result).toEqual(undisturbed.result);
          expect(again.weights).toEqual(undisturbed.weights);
          break;
        } catch (error) {
          if (!(error instanceof CftError) || error.code !== 'Interrupted') throw error;
        }
      }
      expect(await readFile(join(interrupted, 'log.jsonl'), 'utf8')).toBe(
        await readFile(join(dir, 'undisturbed/log.jsonl'), 'utf8'),
      );
      expect(await readdir(join(interrupted, 'checkpoint'))).toHaveLength(1);
    },
    180_000,
  );

  test('one that belongs to other settings is not used', async () => {
    await trainTiny(dir);
    const settings = { ...SETTINGS, learningRate: 1e-3 };
    const { context } = await trainTiny(dir, { settings });
    expect(context.lines).toContainEqual(expect.objectContaining({ level: 'warn' }));
    expect((await readLog()).map(({ step }) => step)).toEqual(Array.from({ length: 13 }, (_, step) => step));
  });
});

test('the same seed gives the same bytes, another seed others', async () => {
  const [a, b] = [await trainTiny(join(dir, 'a')), await trainTiny(join(dir, 'b'))];
  expect(b.weights).toEqual(a.weights);
  expect(await readFile(join(dir, 'b/log.jsonl'))).toEqual(await readFile(join(dir, 'a/log.jsonl')));
  const c = await trainTiny(join(dir, 'c'), { settings: { ...SETTINGS, seed: 4 } });
  expect(c.weights).not.toEqual(a.weights);
});

test('how a step is split into micro-batches changes its result by rounding only', async () => {
  const whole = await trainTiny(join(dir, 'whole'), { settings: { ...SETTINGS, batchSize: 6 } });
  const split = await trainTiny(join(dir, 'split'), {
    settings: { ...SETTINGS, batchSize: 2, gradientAccumulationSteps: 3 },
  });
  for (const [index, line] of (await readLog(join(dir, 'whole'))).entries()) {
    const other = (await readLog(join(dir, 'split')))[index];
    expect(other?.loss ?? 0).toBeCloseTo(line.loss ?? 0, 4);
  }
  expect(split.result.tokensTrained).toBe(whole.result.tokensTrained);
});

test('a step without a weighted token is skipped and told, never NaN, and changes nothing', async () => {
  const empty = copyTask(5).map((sequence) => ({ ...sequence, weights: sequence.ids.map(() => 0) }));
  const data = { stepsPerEpoch: 3, steps: () => [copyTask(4), empty, copyTask(4, 2)] };
  const settings = { ...SETTINGS, epochs: 1, evaluationsPerEpoch: 100 };
  const { result, context } = await trainTiny(dir, { data, settings });
  const log = await readLog();
  expect(log[2]).toMatchObject({ step: 2, loss: null, gradNorm: null, skipped: true, tokens: log[1]?.tokens });
  expect(log[2]?.validation).toEqual(log[1]?.validation);
  expect(log[3]?.loss).toBeGreaterThan(0);
  expect(result).toMatchObject({ steps: 3, skippedSteps: 1 });
  expect(context.warnings).toEqual([{ reason: 'StepsWithoutTokens', message: expect.stringContaining('1 of 3') }]);
  expect(context.values.get('cft_train_empty_batches_total')).toBe(1);
});

describe('refuses', () => {
  const attempt = (sequences: ReturnType<typeof copyTask>, settings = SETTINGS) =>
    trainTiny(dir, { data: shuffledData(sequences, 4, 0), settings });

  test('data without any weighted token', async () => {
    const empty = copyTask(5).map((sequence) => ({ ...sequence, weights: sequence.ids.map(() => 0) }));
    await expect(attempt(empty)).rejects.toThrow(expect.objectContaining({ code: 'NoCriticalToken' }));
    await expect(attempt([])).rejects.toThrow(expect.objectContaining({ code: 'NoCriticalToken' }));
  });

  test.each([
    ['a token that the model does not know', { id: 'bad', ids: [1, 48], weights: [0, 1] }],
    ['weights of another length', { id: 'bad', ids: [1, 2, 3], weights: [0, 1] }],
    ['weight on a token that nothing predicts', { id: 'bad', ids: [1, 2], weights: [1, 1] }],
    ['a weight that is no number', { id: 'bad', ids: [1, 2], weights: [0, Number.NaN] }],
  ])('%s, by the id of the sequence', async (_what, sequence) => {
    await expect(attempt([sequence])).rejects.toThrow(
      expect.objectContaining({ code: 'InvalidRecord', where: 'training sequence bad' }),
    );
  });

  test('to go on once the loss has left the numbers', async () => {
    const settings = { ...SETTINGS, learningRate: 1e30, warmupRatio: 0, maxGradNorm: 0 };
    await expect(attempt(copyTask(20), settings)).rejects.toThrow(expect.objectContaining({ code: 'NotFinite' }));
  });
});

test('a stream is trained in its order and asked for no more than it needs', async () => {
  let made = 0;
  function* endless() {
    for (const sequence of copyTask(1000)) {
      made++;
      yield sequence;
    }
  }
  const data = streamedData(endless, 4, 5);
  const model = await tinyModel();
  const context = memoryContext();
  const settings = { ...SETTINGS, epochs: 1 };
  const result = await trainModel({ model, data, settings, dir, fingerprint: '', logSamples: true, context });
  expect(result).toMatchObject({ steps: 5, bestStep: 5, validation: undefined });
  expect(made).toBe(2 * 20);
  expect((await readLog()).flatMap(({ samples }) => samples)).toEqual(copyTask(20).map(({ id }) => id));
  model.session.dispose();
});
