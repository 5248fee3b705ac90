import { CftError } from '../../crds/errors.ts';
import type { ModelConfig } from '../model/config.ts';
import { type AdamW, createAdamW } from './adamw.ts';
import type { TrainingData } from './data.ts';
import { type MicroBatch, neededShapes } from './micro-batches.ts';
import { createTrainPrograms, type TrainedModel, type TrainPrograms } from './programs.ts';
import { inputLength, type WeightedSequence } from './sequence.ts';
import type { TrainSettings } from './settings.ts';
import { bucketed, planShapes, type ShapeChoice } from './shapes.ts';
import { validationBatches } from './validation.ts';

export interface PreparedPrograms {
  readonly optimizer: AdamW;
  readonly programs: TrainPrograms;
  readonly choose: ShapeChoice;
  /** Tokens of a row that may hold several sequences; undefined: each holds one. */
  readonly rowLength: number | undefined;
  readonly validation: readonly MicroBatch[];
}

/** Steps that are looked at to choose the padded shapes. Those after them use the same, or the fixed grid where they do not fit. */
const PLANNED_STEPS = 2000;

/**
 * Declares everything that the training will run, before it first runs: a session is put together once.
 *
 * @param measured sequences of the validation
 * @throws CftError NoCriticalToken if there is nothing to train on
 */
export function preparePrograms(
  model: TrainedModel,
  data: TrainingData,
  settings: TrainSettings,
  measured: readonly WeightedSequence[],
  measuredBatchSize: number,
): PreparedPrograms {
  const { adam, weightDecay, decay = 'all', maxGradNorm, gradientAccumulationSteps } = settings;
  const { gradientCheckpointing = false, packing = false } = settings;
  const rowCost = relativeRowCost(model.config);
  const steps = plannedSteps(data, settings.epochs);
  const rowLength = packing ? packedLength(steps) : undefined;
  const needed = steps.flatMap((sequences) => neededShapes(sequences, settings.batchSize, rowLength));
  const { shapes, choose } = planShapes(needed, rowCost);
  if (shapes.length === 0)
    throw new CftError('NoCriticalToken', 'no token of the training data has weight', {
      hint: 'train on another objective, or annotate with strict-2, which finds more critical tokens',
    });
  const optimizer = createAdamW(model.session, model.trained, { ...adam, weightDecay, decay });
  const programs = createTrainPrograms(model, optimizer, maxGradNorm === 0 ? undefined : maxGradNorm, {
    accumulate: gradientAccumulationSteps > 1,
    gradientCheckpointing,
    packing,
  });
  const validation = validationBatches(measured, measuredBatchSize, rowCost);
  programs.prepare([shapes], validation);
  return { optimizer, programs, choose, rowLength, validation };
}

function plannedSteps(data: TrainingData, epochs: number): (readonly WeightedSequence[])[] {
  const steps: (readonly WeightedSequence[])[] = [];
  for (let epoch = 0; epoch < epochs; epoch++)
    for (const sequences of data.steps(epoch)) {
      if (steps.length >= PLANNED_STEPS) return steps;
      steps.push(sequences);
    }
  return steps;
}

/** The padded length of the longest sequence: with rows of one length, steps differ in the number of rows only, and need few shapes. */
function packedLength(steps: readonly (readonly WeightedSequence[])[]): number {
  const longest = steps.flat().reduce((most, sequence) => Math.max(most, inputLength(sequence)), 1);
  return bucketed({ batch: 1, time: longest, rows: 1 }).time;
}

/** Work of lm_head for a predicted token relative to that of the layers for an input token: the quotient of their weights. */
function relativeRowCost(config: ModelConfig): number {
  const { hiddenSize, vocabSize, numHiddenLayers, intermediateSize, headDim } = config;
  const heads = 2 * config.numAttentionHeads + 2 * config.numKeyValueHeads;
  const layers = numHiddenLayers * hiddenSize * (heads * headDim + 3 * intermediateSize);
  return (vocabSize * hiddenSize) / layers;
}
