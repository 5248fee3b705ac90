import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { CftRun } from '../../crds/cftrun.ts';
import type { Stage, TrainStage } from '../../crds/stage.ts';
import { planStages } from '../../crds/stages.ts';
import { wilsonInterval } from '../evaluate/statistics.ts';
import { createRandom, type Random } from '../random.ts';
import { worked } from './testdata-text.ts';

/** How large a synthetic run is, and what it has. */
export interface SyntheticRun {
  readonly seed: number;
  readonly name: string;
  readonly criterion: 'strict-2' | 'strict-3';
  readonly responses: number;
  readonly questions: number;
  readonly steps: number;
  readonly learningRates: readonly number[];
  readonly seeds: readonly number[];
  readonly variants: readonly { readonly name: string; readonly objective: 'all' | 'critical' | 'random' | 'number' }[];
  readonly datasets: readonly string[];
  /** How likely a token that carries the calculation is to be critical under strict-3. */
  readonly criticalRate: number;
}

const DEFAULTS: SyntheticRun = {
  seed: 7,
  name: 'gsm8k-equations',
  criterion: 'strict-3',
  responses: 400,
  questions: 1245,
  steps: 240,
  learningRates: [3e-5, 1e-4, 3e-4],
  seeds: [0],
  variants: [
    { name: 'sft', objective: 'all' },
    { name: 'cft', objective: 'critical' },
    { name: 'random', objective: 'random' },
  ],
  datasets: ['held-out'],
  criticalRate: 0.75,
};

/** Accuracy of the greedy answers and of samples, and entropy, that a synthetic variant ends at. */
const OUTCOMES: Readonly<Record<string, { accuracy: number; entropy: number; sampled: number }>> = {
  base: { accuracy: 0.552, entropy: 0.437, sampled: 0.45 },
  all: { accuracy: 0.578, entropy: 0.322, sampled: 0.474 },
  critical: { accuracy: 0.615, entropy: 0.403, sampled: 0.497 },
  random: { accuracy: 0.561, entropy: 0.371, sampled: 0.458 },
  number: { accuracy: 0.59, entropy: 0.39, sampled: 0.48 },
};

/**
 * Writes a run directory as a real run leaves it, with made-up numbers: same options, same bytes. For tests and for looking at the page.
 *
 * @returns the run's stages, as its plan has them
 */
export function writeSyntheticRun(runDir: string, options: Partial<SyntheticRun> = {}): Stage[] {
  const settings = { ...DEFAULTS, ...options };
  const random = createRandom(settings.seed);
  const run = manifest(settings);
  const stages = planStages(run, { manifestDir: '/runs/example', runDir });
  writeJson(join(runDir, 'run.json'), run);
  let clock = Date.UTC(2026, 2, 4, 14, 2, 11);
  for (const stage of stages) {
    const own = random.fork(stage.name);
    writeJson(join(runDir, 'stages', stage.name, 'stage.json'), stage);
    if (stage.kind === 'report') continue;
    const metrics = runStage(runDir, stage, settings, own);
    const seconds = 8 + own.uniform() * 60;
    writeJson(join(runDir, 'stages', stage.name, 'result.json'), {
      stage: stage.name,
      kind: stage.kind,
      digest: stage.digest,
      status: 'succeeded',
      startTime: new Date(clock).toISOString(),
      completionTime: new Date(clock + seconds * 1000).toISOString(),
      metrics,
      artifacts: {},
    });
    clock += seconds * 1000;
  }
  return stages;
}

/** An annotation line of a response with the given token texts, as the annotate stage writes it. */
export function annotationLine(
  id: string,
  response: { question: string; answer: string; tokens: readonly string[] },
  random: Random,
  criticalRate = DEFAULTS.criticalRate,
): Record<string, unknown> {
  const { question, answer, tokens } = response;
  const decisive = tokens.map((text) => /[\d+*-]/.test(text));
  const strict2 = decisive.map((is) => (random.uniform() < (is ? criticalRate + 0.15 : 0.05) ? 1 : 0));
  const strict3 = strict2.map((is, i) => (is === 1 && random.uniform() < (decisive[i] ? criticalRate : 0.2) ? 1 : 0));
  return {
    id,
    question,
    prompt: `${question}\n`,
    answer,
    response: tokens.slice(0, -1).join(''),
    promptIds: [1, 2, 3],
    responseIds: tokens.map((_, i) => i),
    masks: { 'strict-2': strict2, 'strict-3': strict3 },
    tokens: tokens.map((text, i) => {
      const probability = decisive[i] ? 0.9 + random.uniform() * 0.099 : 0.25 + random.uniform() * 0.7;
      return {
        id: i,
        text,
        probability,
        entropy: -probability * Math.log(probability) + (1 - probability) * 2,
        alternatives: [2, 3].map((rank) => {
          const broken = (rank === 2 ? strict2[i] : strict3[i]) === 1;
          const skipped = rank === 3 && strict2[i] === 0;
          return {
            rank,
            id: 100 + rank,
            text: decisive[i] ? ` ${random.int(10)}` : ([' so', ' then', ' is', '\n', ' we'][random.int(5)] ?? ' so'),
            probability: (1 - probability) * (rank === 2 ? 0.6 : 0.2),
            outcome: skipped ? 'skipped' : broken ? 'wrong' : 'correct',
            extracted: skipped ? null : broken ? String(Number(answer) + 1 + random.int(9)) : answer,
            finish: skipped ? null : 'eos',
            margin: skipped ? null : random.uniform() * 2,
            length: skipped ? null : tokens.length - i + random.int(6),
          };
        }),
      };
    }),
  };
}

function manifest({ name, criterion, learningRates, seeds, variants, datasets }: SyntheticRun): CftRun {
  return CftRun.parse({
    apiVersion: 'cft.dev/v1alpha1',
    kind: 'CftRun',
    metadata: { name },
    spec: {
      model: { source: './model' },
      data: { train: { source: './data/train.jsonl' } },
      verifier: { type: 'math' },
      annotate: { criterion, shards: 2 },
      training: {
        variants: variants.map((variant) => ({ ...variant, learningRates: [...learningRates], seeds: [...seeds] })),
      },
      evaluation: { datasets: datasets.map((set) => ({ name: set, source: `./data/${set}.jsonl` })), samples: 8 },
    },
  });
}

function runStage(runDir: string, stage: Stage, settings: SyntheticRun, random: Random): Record<string, number> {
  switch (stage.kind) {
    case 'generate':
      return writeGenerated(join(runDir, stage.params.output), settings, random);
    case 'annotate': {
      const records = Array.from({ length: Math.ceil(settings.responses / 2) }, (_, i) =>
        annotationLine(`q${stage.params.shard.index}-${i}`, worked(random), random, settings.criticalRate),
      );
      writeLines(join(runDir, stage.params.output), records);
      return { responses: records.length };
    }
    case 'train':
      return writeTrial(join(runDir, stage.params.output), stage, settings, random);
    case 'evaluate':
      return writeEvaluation(join(runDir, stage.params.output), stage.params.target, settings);
    case 'report':
      return {};
  }
}

function writeGenerated(path: string, { responses }: SyntheticRun, random: Random): Record<string, number> {
  const records = Array.from({ length: Math.ceil(responses / 1.1) }, (_, i) => {
    const { question, answer, tokens } = worked(random);
    const correct = random.uniform() < 0.55;
    const finish = random.uniform() < 0.02 ? 'length' : 'eos';
    return {
      id: `q${i}`,
      question,
      answer,
      prompt: `${question}\n`,
      response: tokens.join(''),
      finish,
      correct,
      extracted: answer,
    };
  });
  writeLines(path, records);
  return { questions: records.length };
}

function writeTrial(
  directory: string,
  { params }: TrainStage,
  { steps }: SyntheticRun,
  random: Random,
): Record<string, number> {
  const outcome = OUTCOMES[params.objective] ?? { accuracy: 0.5, entropy: 0.4, sampled: 0.4 };
  const hardness = Math.abs(Math.log10(params.learningRate / 1e-4));
  const start = params.objective === 'all' ? 0.62 : params.objective === 'random' ? 0.58 : 0.34;
  const log = Array.from({ length: steps }, (_, i) => {
    const done = (i + 1) / steps;
    const warm = 0.05;
    const rate = done < warm ? done / warm : 0.5 * (1 + Math.cos((Math.PI * (done - warm)) / (1 - warm)));
    const gain = (1 - Math.exp(-4 * done)) * (0.75 + 0.25 * Math.min(1, params.learningRate / 1e-4));
    const loss = start * (1 - 0.45 * gain) * (1 + 0.16 * random.normal());
    const validated = (i + 1) % Math.ceil(steps / 8) === 0;
    return {
      step: i + 1,
      epoch: 3 * done,
      loss: Math.max(0.02, loss),
      learningRate: params.learningRate * rate,
      gradNorm: 1 + random.uniform(),
      tokens: (i + 1) * 512,
      ...(validated && {
        validation: {
          accuracy: 0.552 + (outcome.accuracy - 0.552) * gain * (1 - hardness * 0.7) + 0.012 * random.normal(),
          loss: start * (1 - 0.4 * gain) + 0.05 * hardness,
          entropy: 0.437 + (outcome.entropy - 0.437) * gain,
        },
      }),
    };
  });
  writeLines(join(directory, 'log.jsonl'), log);
  const validations = log.flatMap(({ step, validation }) => (validation ? [{ step, ...validation }] : []));
  const best = validations.toSorted((a, b) => b.accuracy - a.accuracy)[0] ?? {
    step: 0,
    accuracy: 0,
    loss: 0,
    entropy: 0,
  };
  const share = params.objective === 'all' ? 1 : 0.24;
  const metrics = {
    bestStep: best.step,
    validationAccuracy: best.accuracy,
    validationLoss: best.loss,
    validationEntropy: best.entropy,
    tokensTrained: Math.round(steps * 16 * 34 * share),
    steps,
    skippedSteps: 0,
  };
  return metrics;
}

function writeEvaluation(directory: string, target: string, settings: SyntheticRun): Record<string, number> {
  const objective = settings.variants.find(({ name }) => name === target)?.objective ?? 'base';
  const outcome = OUTCOMES[objective] ?? { accuracy: 0.5, entropy: 0.4, sampled: 0.4 };
  const metrics: Record<string, number> = {};
  settings.datasets.forEach((dataset, d) => {
    // Most questions are as hard for one variant as for another: the same draw decides for all of them.
    const shared = createRandom(settings.seed).fork(dataset);
    const own = createRandom(settings.seed).fork(`${dataset} ${target}`);
    const samples = Array.from({ length: settings.questions }, (_, i) => {
      const hardness = 0.85 * shared.uniform() + 0.15 * own.uniform();
      return {
        id: `t${i}`,
        dataset,
        correct: hardness < outcome.accuracy - 0.1 * d,
        extracted: null,
        expected: String(i),
        response: '',
        finish: 'eos',
        tokens: 40,
        entropy: outcome.entropy,
      };
    });
    for (const suffix of target === 'base' ? [''] : settings.seeds.map((seed) => `-s${seed}`))
      writeLines(join(directory, `greedy-${dataset}${suffix}.jsonl`), samples);
    const right = samples.filter(({ correct }) => correct).length;
    const { low, high } = wilsonInterval(right, samples.length);
    const values = {
      accuracy: right / samples.length,
      accuracyLow: low,
      accuracyHigh: high,
      count: samples.length,
      entropy: outcome.entropy,
      sampledAccuracy: outcome.sampled,
      passAt1: outcome.sampled,
      passAt8: outcome.sampled + 0.23,
    };
    for (const [name, value] of Object.entries(values))
      metrics[settings.datasets.length > 1 ? `${dataset}/${name}` : name] = value;
  });
  return metrics;
}

function writeLines(path: string, records: readonly unknown[]): void {
  write(path, records.map((record) => `${JSON.stringify(record)}\n`).join(''));
}

function writeJson(path: string, value: unknown): void {
  write(path, `${JSON.stringify(value, null, 2)}\n`);
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}
