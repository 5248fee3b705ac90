import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { TrainStage } from '../../crds/stage.ts';
import { loadAdapter } from '../model/adapter.ts';
import { loadConfig } from '../model/config.ts';
import { readHeader, readTensor } from '../model/safetensors.ts';
import { createRandom } from '../random.ts';
import { loadTokenizer } from '../tokenizer/load.ts';
import { memoryContext } from './memory-context.ts';
import { train } from './train.ts';

const ROOT = join(import.meta.dirname, '../..');
const TRIAL = 'train/cft-lr0.01-s0';

let runDir: string;
beforeEach(async () => {
  runDir = await mkdtemp(join(tmpdir(), 'cft-train-stage-'));
  await writeInputs();
});
afterEach(() => rm(runDir, { recursive: true }));

/** A tiny model with a tokenizer of words, additions with worked answers, and an annotation for each. */
async function writeInputs(): Promise<void> {
  const model = join(runDir, 'model');
  await cp(join(ROOT, 'trainer/train/testdata/model'), model, { recursive: true });
  await cp(join(ROOT, 'trainer/tokenizer/testdata/words'), model, { recursive: true });
  const tokenizer = await loadTokenizer(model);
  const random = createRandom(0);
  const examples = Array.from({ length: 36 }, (_, index) => {
    const [a, b] = [random.int(5), random.int(5)];
    const response = `${random.uniform() < 0.5 ? 'so ' : ''}the answer is ${a + b}`;
    return { id: `q${index}`, question: `${a}+${b}=`, answer: `${a + b}`, response };
  });
  const annotations = examples.map(({ id, question, answer, response }) => {
    const responseIds = [...tokenizer.encode(response, { addSpecialTokens: false }), tokenizer.eosTokenId];
    const tokens = responseIds.map((token) => ({
      id: token,
      text: tokenizer.tokenText(token),
      probability: 0.5,
      entropy: 1,
      alternatives: [],
    }));
    const mask = tokens.map(({ text }) => (/\d/.test(text) ? 1 : 0));
    return {
      ...{ id, question, prompt: `${question}\n`, answer, response },
      promptIds: tokenizer.encode(`${question}\n`, { addSpecialTokens: false }),
      ...{ responseIds, masks: { 'strict-2': mask, 'strict-3': mask }, tokens },
    };
  });
  const lines = (rows: readonly object[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join('');
  await writeFile(join(runDir, 'train.jsonl'), lines(examples));
  await mkdir(join(runDir, 'annotations'));
  await writeFile(join(runDir, 'annotations/0.jsonl'), lines(annotations.filter((_, index) => index % 2 === 0)));
  await writeFile(join(runDir, 'annotations/1.jsonl'), lines(annotations.filter((_, index) => index % 2 === 1)));
}

function stage(params: Partial<TrainStage['params']> = {}): TrainStage {
  return {
    ...{ apiVersion: 'cft.dev/v1alpha1', kind: 'train', name: 'train-cft', runName: 'demo', runDir, dependsOn: [] },
    digest: 'sha256:a',
    params: {
      model: { source: join(runDir, 'model'), precision: 'fp32' },
      data: {
        source: join(runDir, 'train.jsonl'),
        fields: { question: 'question', answer: 'answer', response: 'response', id: 'id' },
        promptTemplate: '{question}\n',
        chat: false,
      },
      validationFraction: 0.25,
      verifier: { type: 'math' },
      ...{ variant: 'cft', objective: 'critical', criterion: 'strict-3', method: 'full' },
      ...{
        epochs: 3,
        batchSize: 4,
        gradientAccumulationSteps: 1,
        gradientCheckpointing: false,
        packing: false,
        learningRate: 0.01,
        warmupRatio: 0.1,
      },
      ...{ weightDecay: 0, maxGradNorm: 1, adam: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }, seed: 0 },
      ...{ precision: 'fp32', lossNormalization: 'step', evaluationsPerEpoch: 1, checkpointEverySteps: 1 },
      validation: { maxSamples: 5, batchSize: 4, maxNewTokens: 16 },
      inputs: ['annotations/0.jsonl', 'annotations/1.jsonl'],
      output: TRIAL,
      ...params,
    },
  };
}

const file = (name: string) => join(runDir, TRIAL, name);
const weightsIn = async (path: string) => {
  const { tensors } = await readHeader(path);
  return Object.fromEntries(
    await Promise.all([...tensors].map(async ([name, entry]) => [name, await readTensor(entry)] as const)),
  );
};
const readLog = async () =>
  (await readFile(file('log.jsonl'), 'utf8'))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { step: number; samples?: string[]; validation?: Record<string, number> });

test('a full trial leaves a model directory with the best weights, and says how it did', async () => {
  const context = memoryContext();
  const { metrics, artifacts } = await train(stage(), context);
  expect(artifacts).toEqual({ model: `${TRIAL}/model`, log: `${TRIAL}/log.jsonl` });
  const log = await readLog();
  const best = log.find(({ step }) => step === metrics.bestStep)?.validation;
  expect(metrics).toEqual({
    bestStep: expect.any(Number),
    validationAccuracy: best?.accuracy,
    validationLoss: best?.loss,
    validationEntropy: best?.entropy,
    tokensTrained: expect.any(Number),
    steps: log.at(-1)?.step,
    skippedSteps: 0,
  });
  const [before, after] = [
    await weightsIn(join(runDir, 'model/model.safetensors')),
    await weightsIn(file('model/model.safetensors')),
  ];
  expect(Object.keys(after)).toEqual(expect.arrayContaining(Object.keys(before)));
  expect(after['model.embed_tokens.weight']).not.toEqual(before['model.embed_tokens.weight']);
  expect((await loadConfig(file('model'))).vocabSize).toBe(48);
  await loadTokenizer(file('model'));
  await expect(readFile(file('checkpoint'))).rejects.toThrow('ENOENT');
  expect(JSON.parse(await readFile(file('result.json'), 'utf8'))).toEqual({ digest: 'sha256:a', metrics });
});

test('questions of the validation split are never trained on', async () => {
  const context = memoryContext();
  await train(stage(), context);
  const trained = new Set((await readLog()).flatMap(({ samples = [] }) => samples));
  const { sequences } = JSON.parse(await readFile(file('validation.json'), 'utf8')) as { sequences: { id: string }[] };
  expect(sequences).toHaveLength(5);
  for (const { id } of sequences) expect(trained).not.toContain(id);
  expect(context.warnings.map(({ reason }) => reason)).toEqual(['ValidationOverlap']);
});

test('a LoRA trial leaves an adapter; the model it belongs to is named', async () => {
  const lora = { rank: 2, alpha: 4, dropout: 0.1, targetModules: ['q_proj', 'v_proj'] };
  const { artifacts } = await train(stage({ method: 'lora', lora, objective: 'all' }), memoryContext());
  expect(artifacts.adapter).toBe(`${TRIAL}/adapter`);
  const adapter = await loadAdapter(file('adapter'), await loadConfig(join(runDir, 'model')));
  expect(adapter.spec).toMatchObject({ rank: 2, alpha: 4, targetModules: ['q_proj', 'v_proj'] });
  const b = adapter.tensors.get('model.layers.1.self_attn.v_proj.lora_B.weight') ?? [];
  expect(b.some((value) => value !== 0)).toBe(true);
});

test('without questions to validate on, the last weights are kept', async () => {
  const { metrics } = await train(stage({ validationFraction: 0, epochs: 1 }), memoryContext());
  expect(metrics).toEqual({ bestStep: 9, steps: 9, skippedSteps: 0, tokensTrained: 36 });
});

test('a finished trial is not trained again', async () => {
  const first = await train(stage({ epochs: 1 }), memoryContext());
  const context = memoryContext();
  expect(await train(stage({ epochs: 1 }), context)).toEqual(first);
  expect(context.updates).toEqual([]);
});

describe('wrong input ends in one error that names it', () => {
  test('an annotation that is none, by file and line', async () => {
    await writeFile(join(runDir, 'annotations/1.jsonl'), '{"id":"q1"}\n');
    await expect(train(stage(), memoryContext())).rejects.toThrow(
      expect.objectContaining({ code: 'InvalidRecord', where: expect.stringContaining('annotations/1.jsonl:1') }),
    );
  });

  test('no annotation at all, or none with a critical token', async () => {
    await writeFile(join(runDir, 'annotations/1.jsonl'), '');
    await expect(train(stage({ inputs: ['annotations/1.jsonl'] }), memoryContext())).rejects.toThrow(
      expect.objectContaining({ code: 'EmptyDataset' }),
    );
    const text = await readFile(join(runDir, 'annotations/0.jsonl'), 'utf8');
    await writeFile(
      join(runDir, 'annotations/1.jsonl'),
      text.replaceAll(/"strict-3":\[[\d,]*\]/g, (mask) => mask.replaceAll('1', '0').replace('strict-0', 'strict-1')),
    );
    await expect(train(stage({ inputs: ['annotations/1.jsonl'] }), memoryContext())).rejects.toThrow(
      expect.objectContaining({ code: 'NoCriticalToken' }),
    );
  });
});

test('killed at any moment and started again, it ends with the same bytes', async () => {
  const params = { epochs: 6, objective: 'all' as const };
  await train(stage(params), memoryContext());
  const files = ['model/model.safetensors', 'log.jsonl', 'result.json'];
  const undisturbed = await Promise.all(files.map((name) => readFile(file(name))));
  await rm(join(runDir, 'train'), { recursive: true });

  await mkdir(join(runDir, 'stages/train-cft'), { recursive: true });
  const stageFile = join(runDir, 'stages/train-cft/stage.json');
  await writeFile(stageFile, JSON.stringify(stage(params)));
  let kills = 0;
  for (let finished = false; !finished; ) {
    const child = spawn(process.execPath, [join(ROOT, 'bin/cft.ts'), 'train', '--stage', stageFile], {
      stdio: 'ignore',
    });
    const ended = once(child, 'exit');
    // Somewhere after the first lines of this process, which may be in a step, a validation, or a checkpoint.
    const started = await logLength();
    const killer = (async () => {
      while (child.exitCode === null && (await logLength()) < started + 400 + 1500 * kills) await sleep(5);
      await sleep(7 * kills);
      if (kills < 2 && child.kill('SIGKILL')) kills++;
    })();
    const [code] = await ended;
    await killer;
    finished = code === 0;
    if (code !== null) expect(code).toBe(0);
  }
  expect(kills).toBe(2);
  expect(await Promise.all(files.map((name) => readFile(file(name))))).toEqual(undisturbed);
}, 300_000);

const logLength = async () => (await readFile(file('log.jsonl')).catch(() => Buffer.alloc(0))).length;
