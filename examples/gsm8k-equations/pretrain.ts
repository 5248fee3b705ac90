/**
 * Pre-trains the example's model from scratch with the project's own trainer and writes model.safetensors into the model folder,
 * whose config.json and tokenizer it reads. Started again after a kill it goes on.
 *
 *   node examples/gsm8k-equations/pretrain.ts [--model folder] [--work folder] [--steps N] [--batch-size N] [--learning-rate X] [--seed N]
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { CftError, formatError } from '../../crds/errors.ts';
import { loadConfig, type ModelConfig } from '../../trainer/model/config.ts';
import { variableParameters } from '../../trainer/model/load.ts';
import { writeSafetensors } from '../../trainer/model/safetensors-write.ts';
import { variableSources } from '../../trainer/model/save.ts';
import { weightShapes } from '../../trainer/model/weights.ts';
import { createRandom, type Random } from '../../trainer/random.ts';
import type { StageContext } from '../../trainer/stages/context.ts';
import { memoryContext } from '../../trainer/stages/memory-context.ts';
import { backendOptions, loadBackend } from '../../trainer/tensor/backend.ts';
import { createSession } from '../../trainer/tensor/create-session.ts';
import type { Session } from '../../trainer/tensor/session.ts';
import { loadTokenizer } from '../../trainer/tokenizer/load.ts';
import { streamedData } from '../../trainer/train/data.ts';
import type { TrainedModel } from '../../trainer/train/programs.ts';
import type { TrainSettings } from '../../trainer/train/settings.ts';
import { trainModel } from '../../trainer/train/train-model.ts';
import { initialWeights } from './initial-weights.ts';
import { pretrainExamples } from './pretrain-data.ts';
import { pretrainSequences } from './pretrain-sequences.ts';
import { chainsOf, readRecords } from './records.ts';

export interface Recipe {
  readonly steps: number;
  readonly batchSize: number;
  /** Peak, reached after the warm-up; then a cosine down to 0. */
  readonly learningRate: number;
  /** How often a chain keeps its numbers from GSM8K. */
  readonly keepNumbers: number;
  /** Of the weights, the data and its order. */
  readonly seed: number;
}

/** How the shipped model was made. */
export const RECIPE: Recipe = { steps: 1600, batchSize: 64, learningRate: 3e-3, keepNumbers: 0, seed: 0 };

const STEPS_PER_LINE = 25;

function settingsOf({ batchSize, learningRate, seed }: Recipe): TrainSettings {
  return {
    epochs: 1,
    batchSize,
    gradientAccumulationSteps: 1,
    learningRate,
    warmupRatio: 0.04,
    weightDecay: 0,
    maxGradNorm: 1,
    adam: { beta1: 0.9, beta2: 0.95, epsilon: 1e-8 },
    lossNormalization: 'step',
    seed,
    evaluationsPerEpoch: 0,
    checkpointEverySteps: 50,
  };
}

/** A model with fresh weights in a session. */
function newModel(session: Session, config: ModelConfig, random: Random): TrainedModel {
  const trained = new Map(
    [...weightShapes(config)].map(([name, shape]) => [name, session.variable(name, { shape, dtype: 'float32' })]),
  );
  for (const [name, values] of initialWeights(config, random)) trained.get(name)?.load(values);
  return { session, config, parameters: variableParameters(trained), trained };
}

/** Prints the mean loss now and then instead of serving metrics. */
function consoleContext(): StageContext {
  const context = memoryContext();
  const start = performance.now();
  let losses: number[] = [];
  return {
    ...context,
    metrics: {
      ...context.metrics,
      set(name, labels, value) {
        context.metrics.set(name, labels, value);
        if (name === 'cft_train_loss_nats') losses.push(value);
      },
    },
    progress: {
      update({ done, total }) {
        if (losses.length === 0 || (done % STEPS_PER_LINE !== 0 && done !== total)) return;
        const mean = losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
        losses = [];
        const seconds = Math.round((performance.now() - start) / 1000);
        process.stdout.write(`step ${done} of ${total}, loss ${mean.toFixed(4)}, ${seconds} s\n`);
      },
    },
  };
}

async function main(): Promise<void> {
  const { folder, work, recipe } = readArguments();
  await loadBackend(backendOptions(process.env));
  const config = await loadConfig(folder);
  const tokenizer = await loadTokenizer(folder);
  const chains = chainsOf(await readRecords(join(import.meta.dirname, 'train.jsonl')));
  const held = new Set((await readRecords(join(import.meta.dirname, 'test.jsonl'))).map(({ question }) => question));
  const sequences = () =>
    pretrainSequences(
      pretrainExamples({ chains, held, seed: recipe.seed, keepNumbers: recipe.keepNumbers }),
      tokenizer,
      recipe.batchSize,
      createRandom(recipe.seed).fork('order'),
    );

  const session = createSession();
  const model = newModel(session, config, createRandom(recipe.seed).fork('weights'));
  await trainModel({
    model,
    data: streamedData(sequences, recipe.batchSize, recipe.steps),
    settings: settingsOf(recipe),
    dir: work,
    fingerprint: JSON.stringify(recipe),
    context: consoleContext(),
  });
  const path = join(folder, 'model.safetensors');
  await writeSafetensors(path, variableSources(config, model.trained));
  session.dispose();
  process.stdout.write(`${path}\n`);
}

function readArguments(): { folder: string; work: string; recipe: Recipe } {
  const { values } = parseArgs({
    options: {
      model: { type: 'string', default: join(import.meta.dirname, 'model') },
      work: { type: 'string', default: join(import.meta.dirname, 'runs', 'pretrain') },
      steps: { type: 'string', default: String(RECIPE.steps) },
      'batch-size': { type: 'string', default: String(RECIPE.batchSize) },
      'learning-rate': { type: 'string', default: String(RECIPE.learningRate) },
      seed: { type: 'string', default: String(RECIPE.seed) },
    },
  });
  const count = (name: 'steps' | 'batch-size' | 'seed', least: number) => {
    const value = Number(values[name]);
    if (Number.isSafeInteger(value) && value >= least) return value;
    throw new CftError('InvalidArgument', `--${name} is "${values[name]}"`, {
      hint: `give a whole number from ${least}`,
    });
  };
  const learningRate = Number(values['learning-rate']);
  if (!(learningRate > 0)) {
    throw new CftError('InvalidArgument', `--learning-rate is "${values['learning-rate']}"`, { hint: 'e.g. 3e-3' });
  }
  const [steps, batchSize, seed] = [count('steps', 1), count('batch-size', 1), count('seed', 0)];
  return { folder: values.model, work: values.work, recipe: { ...RECIPE, steps, batchSize, learningRate, seed } };
}

if (import.meta.main) {
  main().catch((error: unknown) => {
    process.stderr.write(`${formatError(error)}\n`);
    process.exitCode = 1;
  });
}
