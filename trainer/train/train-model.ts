import { join } from 'node:path';
import { CftError } from '../../crds/errors.ts';
import { beats } from '../../crds/trials.ts';
import { createRandom } from '../random.ts';
import type { StageContext } from '../stages/context.ts';
import { checkSequence, type TrainingData } from './data.ts';
import { microBatches } from './micro-batches.ts';
import { type PreparedPrograms, preparePrograms } from './prepare.ts';
import type { StepOutcome, TrainedModel } from './programs.ts';
import { cosineWithWarmup, warmupSteps } from './schedule.ts';
import { responseTokens, type WeightedSequence, weightedTokens } from './sequence.ts';
import { evaluationSteps, type TrainSettings } from './settings.ts';
import { type BestWeights, type Counters, fingerprintOf, openState, type StateStore } from './state.ts';
import { openTrainLog, type TrainLog, type TrainLogLine } from './train-log.ts';
import { measure, type Validation, type ValidationOptions } from './validation.ts';

export interface TrainModelOptions {
  readonly model: TrainedModel;
  readonly data: TrainingData;
  readonly settings: TrainSettings;
  /** Where log.jsonl and checkpoint/ go. A checkpoint found there is gone on from. */
  readonly dir: string;
  /** Names the training beside its settings (data, starting weights): a checkpoint of another one is not used. */
  readonly fingerprint: string;
  readonly validation?: ValidationOptions;
  /** Whether each line of the log names the step's sequences. Default false. */
  readonly logSamples?: boolean;
  readonly context: Pick<StageContext, 'logger' | 'metrics' | 'progress' | 'warn' | 'now' | 'cancellationPoint'>;
}

export interface TrainResult {
  /** Optimizer steps, skipped ones included. */
  readonly steps: number;
  /** Steps without a weighted token, in which nothing was updated. */
  readonly skippedSteps: number;
  /** Tokens with weight that were trained, counted again in each epoch. */
  readonly tokensTrained: number;
  /** The validated step whose weights the session holds now: the best one, or without validation the last. */
  readonly bestStep: number;
  readonly validation: Validation | undefined;
}

/** Shortest time between two checkpoints, so that they cost a small training little. */
const CHECKPOINT_SECONDS = 2;

/**
 * Trains the session's weights on weighted tokens: AdamW, cosine with warm-up, clipping, accumulation; after each validation the best
 * weights are remembered, and they are in the session at the end. The starting weights are validated too, for the log, but only trained
 * weights can be the best: those with the highest accuracy, then the lowest loss, then the fewest steps.
 *
 * Killed at any moment and called again, it goes on from its last checkpoint and ends with the same weights and the same log,
 * byte for byte, on the same machine with the same thread settings. A step without a weighted token updates nothing; the schedule goes on.
 *
 * @throws CftError NoCriticalToken, EmptyDataset, InvalidRecord, NotFinite (the loss has left the numbers), DiskFull, CorruptFile,
 *   Interrupted (state saved)
 * @example
 * const data = shuffledData(sequences, 16, seed);
 * const { bestStep } = await trainModel({ model, data, settings, dir, fingerprint: 'v1', context: memoryContext() });
 * await saveModel(join(dir, 'model'), { from, weights: variableSources(config, variables) });
 */
export async function trainModel(options: TrainModelOptions): Promise<TrainResult> {
  const { model, data, settings, validation, context } = options;
  const prepared = preparePrograms(
    model,
    data,
    settings,
    validation?.sequences ?? [],
    validation?.batchSize ?? settings.batchSize,
  );
  const store = await openState(model.trained, prepared.optimizer.variables, {
    dir: options.dir,
    fingerprint: fingerprintOf(options.fingerprint, settings, data.stepsPerEpoch),
    logger: context.logger,
  });
  const log = await openTrainLog(join(options.dir, 'log.jsonl'), store.resumed.logBytes);
  try {
    return await new Training(options, prepared, store, log).run();
  } finally {
    await log.close();
  }
}

class Training {
  readonly #options: TrainModelOptions;
  readonly #prepared: PreparedPrograms;
  readonly #store: StateStore;
  readonly #log: TrainLog;
  readonly #totalSteps: number;
  #counters: Counters;
  #best: BestWeights | undefined;
  #savedStep: number;
  #savedAt: number;

  constructor(options: TrainModelOptions, prepared: PreparedPrograms, store: StateStore, log: TrainLog) {
    this.#options = options;
    this.#prepared = prepared;
    this.#store = store;
    this.#log = log;
    this.#totalSteps = options.settings.epochs * options.data.stepsPerEpoch;
    const { logBytes: _, ...counters } = store.resumed;
    this.#counters = counters;
    this.#best = store.best;
    this.#savedStep = counters.step;
    this.#savedAt = options.context.now().getTime();
  }

  async run(): Promise<TrainResult> {
    const { data, settings, context } = this.#options;
    if (this.#counters.step > 0) context.logger.info('training goes on', { step: this.#counters.step });
    else await this.#validateStart();
    this.#reportProgress();
    const evaluations = evaluationSteps(data.stepsPerEpoch, settings.evaluationsPerEpoch);
    for (let epoch = 0; epoch < settings.epochs; epoch++) {
      let [step, inEpoch] = [epoch * data.stepsPerEpoch, 0];
      if (step + data.stepsPerEpoch <= this.#counters.step) continue;
      for (const sequences of data.steps(epoch)) {
        [step, inEpoch] = [step + 1, inEpoch + 1];
        if (step <= this.#counters.step) continue;
        await this.#step(sequences, evaluations.has(inEpoch) || step === this.#totalSteps);
      }
    }
    return this.#finish();
  }

  async #step(sequences: readonly WeightedSequence[], validates: boolean): Promise<void> {
    const { settings, logSamples = false, context } = this.#options;
    const started = context.now().getTime();
    const warmup = warmupSteps(this.#totalSteps, settings.warmupRatio);
    const learningRate = cosineWithWarmup(this.#counters.step, this.#totalSteps, warmup, settings.learningRate);
    const outcome = this.#update(sequences, learningRate);
    this.#reportStep(sequences, outcome, learningRate, (context.now().getTime() - started) / 1000);
    const validation = validates ? await this.#validate() : undefined;
    await this.#log.append({
      ...this.#line(),
      loss: outcome?.loss ?? null,
      learningRate,
      gradNorm: outcome?.gradNorm ?? null,
      ...(outcome === undefined && { skipped: true }),
      ...(validation !== undefined && { validation }),
      ...(logSamples && { samples: sequences.map(({ id }) => id ?? '') }),
    });
    this.#reportProgress();
    await this.#saveIfDue(validates);
    await context.cancellationPoint().catch(async (interruption) => {
      await this.#save();
      throw interruption;
    });
  }

  /** One optimizer step; undefined if no token has weight. */
  #update(sequences: readonly WeightedSequence[], learningRate: number): StepOutcome | undefined {
    const { model, settings } = this.#options;
    const { programs, optimizer, choose, rowLength } = this.#prepared;
    for (const sequence of sequences) checkSequence(sequence, model.config.vocabSize);
    const batches = microBatches(sequences, settings.batchSize, settings.lossNormalization, choose, rowLength);
    const { step, updates, skippedSteps, tokensTrained } = this.#counters;
    if (batches.length === 0) {
      this.#counters = { ...this.#counters, step: step + 1, skippedSteps: skippedSteps + 1 };
      return undefined;
    }
    const outcome = programs.step(batches, {
      ...optimizer.scalars(updates + 1, learningRate),
      seed: createRandom(settings.seed)
        .fork(`dropout of step ${step}`)
        .int(2 ** 31),
    });
    if (!Number.isFinite(outcome.loss) || !Number.isFinite(outcome.gradNorm))
      throw new CftError(
        'NotFinite',
        `the loss of step ${step + 1} is ${outcome.loss}, its gradient ${outcome.gradNorm}`,
        {
          where: this.#options.dir,
          hint: 'lower the learning rate, or set maxGradNorm; log.jsonl shows how it came',
        },
      );
    const trained = batches.reduce((sum, batch) => sum + batch.predictedTokens, 0);
    this.#counters = { step: step + 1, updates: updates + 1, skippedSteps, tokensTrained: tokensTrained + trained };
    return outcome;
  }

  async #validateStart(): Promise<void> {
    if (this.#options.validation === undefined) return;
    const validation = await this.#measure(this.#options.validation.startAccuracy);
    await this.#log.append({ ...this.#line(), loss: null, learningRate: null, gradNorm: null, validation });
  }

  /** Measures the present weights and remembers them if they are the best so far. */
  async #validate(): Promise<Validation | undefined> {
    if (this.#options.validation === undefined) return undefined;
    const validation = await this.#measure();
    if (this.#best === undefined || beats(comparable(validation), comparable(this.#best.validation)))
      this.#best = { step: this.#counters.step, validation, weights: this.#store.weights() };
    return validation;
  }

  async #measure(known?: number): Promise<Validation> {
    const { validation, context } = this.#options;
    const { programs, validation: batches } = this.#prepared;
    const { loss, entropy } = measure(programs, batches);
    const accuracy = known ?? (await validation?.accuracy?.()) ?? null;
    if (loss !== null) context.metrics.set('cft_validation_loss_nats', {}, loss);
    if (entropy !== null) context.metrics.set('cft_token_entropy_nats', { tokens: 'all' }, entropy);
    if (accuracy !== null) context.metrics.set('cft_validation_accuracy_ratio', {}, accuracy);
    context.logger.info('validated', { step: this.#counters.step, loss, accuracy, entropy });
    return { loss, accuracy, entropy };
  }

  #line(): Pick<TrainLogLine, 'step' | 'epoch' | 'tokens'> {
    const { step, tokensTrained } = this.#counters;
    return { step, epoch: Number((step / this.#options.data.stepsPerEpoch).toFixed(4)), tokens: tokensTrained };
  }

  async #saveIfDue(validated: boolean): Promise<void> {
    const { settings, context } = this.#options;
    const { step } = this.#counters;
    if (step === this.#totalSteps || !(validated || step % settings.checkpointEverySteps === 0)) return;
    if (context.now().getTime() - this.#savedAt >= CHECKPOINT_SECONDS * 1000) await this.#save();
  }

  async #save(): Promise<void> {
    if (this.#savedStep === this.#counters.step) return;
    await this.#store.save(this.#counters, await this.#log.sync(), this.#best);
    this.#savedStep = this.#counters.step;
    this.#savedAt = this.#options.context.now().getTime();
  }

  async #finish(): Promise<TrainResult> {
    await this.#log.sync();
    if (this.#best !== undefined && this.#best.step !== this.#totalSteps) this.#store.restore(this.#best.weights);
    const { step, skippedSteps, tokensTrained } = this.#counters;
    if (skippedSteps > 0)
      this.#options.context.warn(
        'StepsWithoutTokens',
        `${skippedSteps} of ${step} optimizer steps had no token to train on and were skipped`,
      );
    const { step: bestStep, validation } = this.#best ?? { step, validation: undefined };
    return { steps: step, skippedSteps, tokensTrained, bestStep, validation };
  }

  #reportProgress(): void {
    this.#options.context.progress.update({
      phase: 'train',
      done: this.#counters.step,
      total: this.#totalSteps,
    });
  }

  #reportStep(
    sequences: readonly WeightedSequence[],
    outcome: StepOutcome | undefined,
    learningRate: number,
    seconds: number,
  ): void {
    const { metrics } = this.#options.context;
    const sum = (count: (sequence: WeightedSequence) => number) => sequences.reduce((total, s) => total + count(s), 0);
    metrics.inc('cft_train_steps_total', {});
    metrics.inc('cft_train_tokens_total', { tokens: 'all' }, sum(responseTokens));
    metrics.set('cft_train_learning_rate', {}, learningRate);
    metrics.observe('cft_train_step_seconds', {}, seconds);
    if (outcome === undefined) {
      metrics.inc('cft_train_empty_batches_total', {});
      return;
    }
    metrics.inc('cft_train_tokens_total', { tokens: 'weighted' }, sum(weightedTokens));
    metrics.set('cft_train_loss_nats', {}, outcome.loss);
    metrics.set('cft_train_gradient_norm', {}, outcome.gradNorm);
  }
}

/** What was not measured loses to what was. */
function comparable({ accuracy, loss }: Validation): { accuracy: number; loss: number } {
  return { accuracy: accuracy ?? 0, loss: loss ?? Number.NaN };
}
