import { join } from 'node:path';
import { z } from 'zod';
import { CftError } from '../../crds/errors.ts';
import { writeJsonAtomic } from '../../crds/files.ts';
import type { TrainStage } from '../../crds/stage.ts';
import { readAnnotations } from '../annotate/files.ts';
import { saveAdapter } from '../model/adapter.ts';
import { saveModel, variableSources } from '../model/save.ts';
import { type ResponseSequence, weightedSequence } from '../objective/weighted-sequence.ts';
import { nameOf } from '../sources/address.ts';
import { removeCheckpoints } from '../train/checkpoint.ts';
import { shuffledData } from '../train/data.ts';
import { readJsonFile } from '../train/json-file.ts';
import { type TrainResult, trainModel } from '../train/train-model.ts';
import { type Trainable, trainable } from '../train/trainable.ts';
import type { StageContext, StageOutcome } from './context.ts';
import { loadSplit } from './examples.ts';
import { type OpenModel, openModel } from './model.ts';
import { openValidation } from './train-validation.ts';

type Params = TrainStage['params'];

/** What a finished trial leaves in its directory: its numbers, and whose they are. */
const TrialResult = z.object({ digest: z.string(), metrics: z.record(z.string(), z.number()) });

/**
 * One trial: fine-tunes the model on the annotated responses with one objective, learning rate and seed, and writes the weights that
 * did best on the validation split. Goes on from its checkpoint; a finished trial is not trained again.
 *
 * @throws CftError NoCriticalToken if the objective leaves nothing to train on, and as trainModel
 */
export async function train(stage: TrainStage, context: StageContext): Promise<StageOutcome> {
  const { params } = stage;
  const dir = join(stage.runDir, params.output);
  const done = await readJsonFile(join(dir, 'result.json'), TrialResult);
  const metrics = done?.digest === stage.digest ? done.metrics : await trial(stage, dir, context);
  await removeCheckpoints(join(dir, 'checkpoint'));
  const product = params.method === 'lora' ? 'adapter' : 'model';
  return {
    metrics,
    artifacts: { [product]: join(params.output, product), log: join(params.output, 'log.jsonl') },
  };
}

async function trial(stage: TrainStage, dir: string, context: StageContext): Promise<Record<string, number>> {
  const { params } = stage;
  const model = await openModel(params.model.source, context, {
    precision: params.precision,
    trainable: params.method === 'full',
  });
  try {
    // What is odd in the data, generation has told.
    const { validation } = await loadSplit(params, model.tokenizer, () => {});
    const sequences = await trainingSequences(stage, new Set(validation.map(({ id }) => id)), context);
    const subject = trainable(model.session, model, params.method === 'lora' ? params.lora : undefined, params.seed);
    const validated = await openValidation({
      examples: validation,
      model,
      trained: subject.model,
      params,
      dir,
      context,
    });
    const result = await trainModel({
      model: subject.model,
      data: shuffledData(sequences, params.batchSize * params.gradientAccumulationSteps, params.seed),
      settings: params,
      dir,
      fingerprint: stage.digest,
      ...(validated !== undefined && { validation: validated }),
      logSamples: true,
      context,
    });
    await save(dir, model, subject, params);
    const metrics = metricsOf(result);
    await writeJsonAtomic(join(dir, 'result.json'), { digest: stage.digest, metrics });
    return metrics;
  } finally {
    model.close();
  }
}

/** The annotated responses of all shards with the objective's weights, without those that belong to the validation split. */
async function trainingSequences(
  { runDir, params }: TrainStage,
  held: ReadonlySet<string>,
  context: StageContext,
): Promise<ResponseSequence[]> {
  const sequences: ResponseSequence[] = [];
  let overlap = 0;
  for (const input of params.inputs) {
    for await (const record of readAnnotations(join(runDir, input))) {
      if (held.has(record.id)) overlap++;
      else sequences.push(weightedSequence(params.objective, record, params));
    }
  }
  if (overlap > 0)
    context.warn(
      'ValidationOverlap',
      `${overlap} annotated responses answer questions of the validation split and are not trained on`,
    );
  if (sequences.length === 0)
    throw new CftError('EmptyDataset', 'there is no annotated response to train on', {
      where: params.inputs.map((input) => join(runDir, input)).join(', '),
      hint: overlap > 0 ? 'lower the validation fraction' : 'see what the annotate stage said',
    });
  return sequences;
}

async function save(
  dir: string,
  model: OpenModel,
  { adapter }: Trainable,
  { model: { source, address } }: Params,
): Promise<void> {
  const { config, variables } = model;
  if (adapter === undefined)
    await saveModel(join(dir, 'model'), { from: source, weights: variableSources(config, variables) });
  else await saveAdapter(join(dir, 'adapter'), adapter(), config, address === undefined ? source : nameOf(address));
}

function metricsOf({ steps, skippedSteps, tokensTrained, bestStep, validation }: TrainResult): Record<string, number> {
  const measured = {
    validationAccuracy: validation?.accuracy ?? undefined,
    validationLoss: validation?.loss ?? undefined,
    validationEntropy: validation?.entropy ?? undefined,
  };
  return {
    bestStep,
    ...Object.fromEntries(
      Object.entries(measured).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
    ),
    tokensTrained,
    steps,
    skippedSteps,
  };
}
