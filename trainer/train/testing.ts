/** What the tests of training share: a tiny model in a session, and a task that it can learn. */
import { join } from 'node:path';
import { loadModel } from '../model/load.ts';
import { createRandom } from '../random.ts';
import { memoryContext } from '../stages/memory-context.ts';
import { createSession } from '../tensor/create-session.ts';
import { shuffledData } from './data.ts';
import type { TrainedModel } from './programs.ts';
import type { WeightedSequence } from './sequence.ts';
import type { TrainSettings } from './settings.ts';
import { type TrainModelOptions, type TrainResult, trainModel } from './train-model.ts';

export const MODEL_DIR = join(import.meta.dirname, 'testdata/model');

export const SETTINGS: TrainSettings = {
  epochs: 2,
  batchSize: 4,
  gradientAccumulationSteps: 1,
  learningRate: 1e-2,
  warmupRatio: 0.1,
  weightDecay: 0.01,
  maxGradNorm: 1,
  adam: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 },
  lossNormalization: 'step',
  seed: 3,
  evaluationsPerEpoch: 1,
  checkpointEverySteps: 1,
};

/** Says the prompt's tokens again: ragged, and learnable by attention. Some have no weight. */
export function copyTask(count: number, seed = 0): WeightedSequence[] {
  const random = createRandom(seed);
  return Array.from({ length: count }, (_, index) => {
    const prompt = Array.from({ length: 1 + random.int(6) }, () => 2 + random.int(8));
    const ids = [...prompt, ...prompt, 1];
    const weights = ids.map((_, place) => (place < prompt.length || index % 5 === 4 ? 0 : 1));
    return { id: `copy-${index}`, ids, weights, promptLength: prompt.length };
  });
}

/** The model of testdata in a new session, every weight trained. */
export async function tinyModel(): Promise<TrainedModel> {
  const session = createSession();
  const { config, parameters, variables } = await loadModel(session, MODEL_DIR);
  return { session, config, parameters, trained: variables };
}

/** A whole training, and all that it leaves: result, weights, and what it said. */
export async function trainTiny(
  dir: string,
  options: Partial<TrainModelOptions> = {},
): Promise<{ result: TrainResult; weights: Record<string, Float32Array>; context: ReturnType<typeof memoryContext> }> {
  const model = options.model ?? (await tinyModel());
  const context = memoryContext({ now: everLater() });
  const settings = options.settings ?? SETTINGS;
  const stepSize = settings.batchSize * settings.gradientAccumulationSteps;
  const result = await trainModel({
    data: shuffledData(copyTask(22), stepSize, settings.seed),
    validation: { sequences: copyTask(9, 1) },
    fingerprint: 'copy',
    context,
    ...options,
    model,
    settings,
    dir,
  });
  const weights = Object.fromEntries(
    [...model.trained].map(([name, variable]) => [name, variable.values() as Float32Array]),
  );
  model.session.dispose();
  return { result, weights, context };
}

/** A clock by which every look is a minute later, so that every checkpoint that may be written is. */
export function everLater(): () => Date {
  let minutes = 0;
  return () => new Date(60_000 * minutes++);
}
