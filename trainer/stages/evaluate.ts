import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CftError } from '../../crds/errors.ts';
import { type EvaluateStage, StageResult } from '../../crds/stage.ts';
import { bestTrials, type TrialOutcome } from '../../crds/trials.ts';
import { loadExamples } from '../data/examples.ts';
import { questionsOf, warnOfLeaks } from '../data/leakage.ts';
import { DecodeEngine } from '../decode/engine.ts';
import type { GreedyRecord, SamplesRecord } from '../evaluate/record.ts';
import { respond, type Task } from '../evaluate/respond.ts';
import { type Scores, scoreMetrics } from '../evaluate/scores.ts';
import { createRandom } from '../random.ts';
import { createVerifier } from '../verify/create.ts';
import type { StageContext, StageOutcome } from './context.ts';
import { type OpenModel, openAdapted, openModel } from './model.ts';
import { OrderedLines } from './ordered-lines.ts';

type Dataset = EvaluateStage['params']['datasets'][number];

interface Trial extends TrialOutcome {
  readonly path: string;
}

/** A model to evaluate, and what its files are called after the data set's name. */
interface Subject {
  readonly suffix: string;
  open(): Promise<OpenModel>;
}

/**
 * Evaluates the base model, or of each of a variant's seeds the trial that did best on the validation split: greedy accuracy,
 * token entropy, and pass@k from samples, on each data set.
 */
export async function evaluate(stage: EvaluateStage, context: StageContext): Promise<StageOutcome> {
  const { params } = stage;
  const trials = await chosenTrials(stage);
  const subjects = subjectsOf(stage, trials, context);
  const scores = new Map<string, Scores[]>(params.datasets.map(({ name }) => [name, []]));
  for (const subject of subjects) {
    const model = await subject.open();
    try {
      for (const dataset of params.datasets)
        scores.get(dataset.name)?.push(await evaluateOn(dataset, subject, model, stage, context));
    } finally {
      model.close();
    }
  }
  const metrics: Record<string, number> = {};
  for (const [name, seeds] of scores) {
    const own = scoreMetrics(seeds, params.k);
    tell(name, own, params.k, context);
    for (const [metric, value] of Object.entries(own))
      if (Number.isFinite(value)) metrics[params.datasets.length > 1 ? `${name}/${metric}` : metric] = value;
  }
  if (trials.length === 1) metrics.learningRate = trials[0]?.learningRate as number;
  return {
    metrics,
    artifacts: {
      samples: params.output,
      ...Object.fromEntries(trials.map((trial) => [`trial-s${trial.seed}`, trial.path])),
    },
  };
}

/** Of each seed the best trial, by the validation results that the train stages left. */
async function chosenTrials({ runDir, params }: EvaluateStage): Promise<Trial[]> {
  const outcomes = await Promise.all(
    params.candidates.map(async ({ stage, path, learningRate, seed }) => {
      const where = join(runDir, 'stages', stage, 'result.json');
      const { metrics } = StageResult.parse(JSON.parse(await readFile(where, 'utf8')));
      const accuracy = metrics.validationAccuracy;
      if (accuracy === undefined && params.candidates.length > 1)
        throw new CftError('StageFailed', 'the trial has no validation result to choose by', {
          where,
          hint: 'set data.validationFraction above 0, or train with one learning rate',
        });
      return {
        path,
        learningRate,
        seed,
        accuracy: accuracy ?? 0,
        loss: metrics.validationLoss ?? Number.POSITIVE_INFINITY,
      };
    }),
  );
  return bestTrials(outcomes);
}

function subjectsOf({ runDir, params }: EvaluateStage, trials: readonly Trial[], context: StageContext): Subject[] {
  const { source: base, precision } = params.model;
  if (params.candidates.length === 0) return [{ suffix: '', open: () => openModel(base, context, { precision }) }];
  return trials.map(({ path, seed }) => ({
    suffix: `-s${seed}`,
    open: () =>
      params.method === 'lora'
        ? openAdapted(base, join(runDir, path, 'adapter'), context, { precision })
        : openModel(join(runDir, path, 'model'), context, { precision }),
  }));
}

async function evaluateOn(
  dataset: Dataset,
  subject: Subject,
  model: OpenModel,
  stage: EvaluateStage,
  context: StageContext,
): Promise<Scores> {
  const { params } = stage;
  const examples = (await loadExamples(dataset, model.tokenizer, context.warn)).slice(0, params.maxSamples);
  if (params.trainingData !== undefined)
    warnOfLeaks(await questionsOf(params.trainingData), examples, dataset.name, context.warn);
  const tasks: Task[] = examples.map(({ id, promptIds, answer }) => ({ id, promptIds, answer }));
  const longest = tasks.reduce((most, { promptIds }) => Math.max(most, promptIds.length), 0);
  const slots = Math.min(params.batchSize, tasks.length * Math.max(1, params.samples));
  const name = `evaluate-${dataset.name}`;
  const engine = new DecodeEngine(model.session, model, {
    slots,
    maxLength: longest + params.maxNewTokens,
    entropy: true,
    sampling: params.samples > 0,
    name,
  });
  const common = {
    engine,
    tokenizer: model.tokenizer,
    verifier: createVerifier(params.verifier),
    maxNewTokens: params.maxNewTokens,
  };
  const file = (kind: string) => join(stage.runDir, params.output, `${kind}-${dataset.name}${subject.suffix}.jsonl`);
  const greedy = await greedyRecords(file('greedy'), dataset, tasks, common, context);
  const samples =
    params.samples === 0 ? [] : await sampleRecords(file('samples'), dataset, tasks, common, params, context);
  return { greedy, samples };
}

type Common = Omit<Parameters<typeof respond>[1], 'sampling'>;

async function greedyRecords(
  path: string,
  dataset: Dataset,
  tasks: readonly Task[],
  common: Common,
  context: StageContext,
): Promise<GreedyRecord[]> {
  const phase = `${dataset.name} greedy`;
  return collect<GreedyRecord>(path, tasks, phase, context, async function* (offset) {
    for await (const finished of respond(tasks.slice(offset), common))
      yield finished.map(({ task, index, verdict, response, finish, responseIds, entropy }) => ({
        index: offset + index,
        record: {
          id: task.id,
          dataset: dataset.name,
          correct: verdict.correct,
          extracted: verdict.extracted ?? null,
          expected: verdict.expected,
          response,
          finish,
          tokens: responseIds.length,
          entropy,
        },
      }));
  });
}

async function sampleRecords(
  path: string,
  dataset: Dataset,
  tasks: readonly Task[],
  common: Common,
  params: EvaluateStage['params'],
  context: StageContext,
): Promise<SamplesRecord[]> {
  const { samples, temperature } = params;
  const random = createRandom(params.seed).fork(dataset.name);
  return collect<SamplesRecord>(path, tasks, `${dataset.name} samples`, context, async function* (offset) {
    const repeated = tasks
      .slice(offset)
      .flatMap((task) => Array.from({ length: samples }, (_, sample) => ({ ...task, sample })));
    const uniform = (index: number) => {
      const { id, sample } = repeated[index] as (typeof repeated)[number];
      const own = random.fork(`${id} ${sample}`);
      return () => own.uniform();
    };
    const open = new Map<number, SamplesRecord['samples']>();
    for await (const finished of respond(repeated, { ...common, sampling: { temperature, uniform } })) {
      const whole: { index: number; record: SamplesRecord }[] = [];
      for (const { task, index, verdict } of finished) {
        const question = Math.floor(index / samples);
        const outcomes = open.get(question) ?? [];
        open.set(question, outcomes);
        outcomes[task.sample] = { correct: verdict.correct, extracted: verdict.extracted ?? null };
        if (Object.keys(outcomes).length < samples) continue;
        open.delete(question);
        whole.push({ index: offset + question, record: { id: task.id, dataset: dataset.name, samples: outcomes } });
      }
      yield whole;
    }
  });
}

/** All records of a file, one a task: those on disk, then those still to be made, which are put there in order. */
async function collect<T extends { readonly id: string }>(
  path: string,
  tasks: readonly Task[],
  phase: string,
  context: StageContext,
  make: (offset: number) => AsyncGenerator<{ index: number; record: T }[]>,
): Promise<T[]> {
  const records: T[] = [];
  const lines = await OrderedLines.open<T>({
    path,
    ids: tasks.map(({ id }) => id),
    idOf: ({ id }) => id,
    onExisting: (record) => records.push(record),
  });
  let done = records.length;
  context.progress.update({ phase, done, total: tasks.length });
  try {
    if (done < tasks.length)
      for await (const made of make(done)) {
        for (const { index, record } of made) {
          records[index] = record;
          done++;
          await lines.add(index, record);
        }
        context.progress.update({ phase, done, total: tasks.length });
        await context.cancellationPoint();
      }
  } finally {
    await lines.close();
  }
  return records;
}

function tell(
  dataset: string,
  metrics: Readonly<Record<string, number>>,
  ks: readonly number[],
  { metrics: gauges }: StageContext,
): void {
  const { accuracy, accuracyLow, accuracyHigh, entropy, sampledAccuracy } = metrics;
  if (accuracy !== undefined) gauges.set('cft_eval_accuracy_ratio', { dataset, k: '1' }, accuracy);
  for (const k of ks) {
    const value = metrics[`passAt${k}`];
    if (k > 1 && value !== undefined) gauges.set('cft_eval_accuracy_ratio', { dataset, k: String(k) }, value);
  }
  if (sampledAccuracy !== undefined) gauges.set('cft_eval_sampled_accuracy_ratio', { dataset }, sampledAccuracy);
  if (accuracyLow !== undefined) gauges.set('cft_eval_accuracy_interval_ratio', { dataset, bound: 'low' }, accuracyLow);
  if (accuracyHigh !== undefined)
    gauges.set('cft_eval_accuracy_interval_ratio', { dataset, bound: 'high' }, accuracyHigh);
  if (entropy !== undefined) gauges.set('cft_token_entropy_nats', { tokens: 'all' }, entropy);
}
