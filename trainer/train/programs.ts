import type { Scalar, Tensor, Tensor1D } from '@tensorflow/tfjs-core';
import { causalAttention } from '../model/causal-attention.ts';
import type { ModelConfig } from '../model/config.ts';
import { decoderHidden, gatherRows, lmHead } from '../model/decoder.ts';
import type { Parameters } from '../model/parameters.ts';
import type { Program, Session, Variable } from '../tensor/session.ts';
import { tf } from '../tensor/tf.ts';
import { ADAMW_INPUTS, type AdamW, type AdamWScalars } from './adamw.ts';
import { clipByGlobalNorm } from './clip.ts';
import { rowStatistics, weightedCrossEntropy } from './loss.ts';
import type { MicroBatch } from './micro-batches.ts';
import type { BatchShape } from './shapes.ts';

/** What the programs compute on. */
export interface TrainedModel {
  readonly session: Session;
  readonly config: ModelConfig;
  /** Reads the session's variables. */
  readonly parameters: Parameters;
  /** The same with dropout, for training only; `seed` is [2] int32. Default: none. */
  readonly withDropout?: (seed: Tensor1D) => Parameters;
  /** The variables that training changes, in the order of their updates. */
  readonly trained: ReadonlyMap<string, Variable>;
}

/** What is fed to each step beside its batches. */
export interface StepScalars extends Readonly<Record<keyof AdamWScalars, Float32Array>> {
  /** Of the dropout: another one for each step. Default 0. */
  readonly seed?: number;
}

/** Loss of an optimizer step, and the gradient's norm before clipping. */
export interface StepOutcome {
  readonly loss: number;
  readonly gradNorm: number;
}

/** Negative log-likelihood and entropy in nats of each row; those of padding rows are noise. */
export interface RowStatistics {
  readonly nll: Float32Array;
  readonly entropy: Float32Array;
}

/** An optimizer step and an evaluation, compiled once for each shape they are used with. */
export interface TrainPrograms {
  /** Declares what batches of these shapes need, so that a session is put together once instead of shape by shape. */
  prepare(steps: Iterable<readonly BatchShape[]>, statistics?: Iterable<BatchShape>): void;
  /** Forward, backward, clipping and update over the micro-batches, at least one, of one optimizer step. */
  step(batches: readonly MicroBatch[], scalars: StepScalars): StepOutcome;
  /** Forward only, without change of state. */
  statistics(batch: MicroBatch): RowStatistics;
}

type BatchInput = 'ids' | 'rowIndices' | 'targets' | 'weights';
type BatchInputs = Readonly<Record<BatchInput, Tensor>>;
type TrainInput = BatchInput | 'dropoutSeed';

const DROPOUT_SEED = { dropoutSeed: { shape: [2], dtype: 'int32' } } as const;

/**
 * Programs over the model's own variables. Without accumulation a step is a single program. With it each micro-batch adds its gradients
 * to accumulators, and a program of its own ends the step.
 *
 * @param maxNorm gradient clipping; undefined: none
 * @param options `accumulate`: a step may have several micro-batches. Default false.
 */
export function createTrainPrograms(
  model: TrainedModel,
  optimizer: AdamW,
  maxNorm: number | undefined,
  options: { readonly accumulate?: boolean } = {},
): TrainPrograms {
  const { session } = model;
  const update = (gradients: readonly Tensor[], scalars: AdamWScalars): Scalar => {
    const { norm, clipped } = clipByGlobalNorm(gradients, maxNorm);
    optimizer.apply(clipped, scalars);
    return norm;
  };
  const { add, step } = options.accumulate ? severalBatches(model, update) : oneBatch(model, update);
  const statistics = byShape((shape) =>
    session.program<BatchInput, keyof RowStatistics>(`statistics ${label(shape)}`, batchSignature(shape), (inputs) =>
      rowStatistics(logitsOf(model, model.parameters, shape, inputs), inputs.targets as Tensor1D),
    ),
  );
  return {
    prepare(steps, measured = []) {
      for (const shapes of steps) for (const shape of shapes) add(shape);
      for (const shape of measured) statistics(shape);
    },
    step,
    statistics(batch) {
      const { nll, entropy } = statistics(batch).run(feeds(batch));
      return { nll: nll as Float32Array, entropy: entropy as Float32Array };
    },
  };
}

type Update = (gradients: readonly Tensor[], scalars: AdamWScalars) => Scalar;
type StepPrograms = Pick<TrainPrograms, 'step'> & { add(shape: BatchShape): void };

function oneBatch(model: TrainedModel, update: Update): StepPrograms {
  const program = byShape((shape) =>
    model.session.program<TrainInput | keyof AdamWScalars, 'loss' | 'norm'>(
      `step ${label(shape)}`,
      { ...batchSignature(shape), ...DROPOUT_SEED, ...ADAMW_INPUTS },
      (inputs) => {
        const { loss, gradients } = lossAndGradients(model, shape, inputs);
        return { loss, norm: update(gradients, inputs) };
      },
    ),
  );
  return {
    add: program,
    step([batch], { seed = 0, ...scalars }) {
      const { loss, norm } = program(batch as MicroBatch).run({
        ...feeds(batch as MicroBatch),
        dropoutSeed: Int32Array.of(seed, 0),
        ...scalars,
      });
      return { loss: scalarOf(loss), gradNorm: scalarOf(norm) };
    },
  };
}

function severalBatches(model: TrainedModel, update: Update): StepPrograms {
  const { session, trained } = model;
  const accumulators = [...trained].map(([name, { shape, dtype }]) =>
    session.variable(`gradient.${name}`, { shape, dtype }),
  );
  const accumulate = byShape((shape) =>
    session.program<TrainInput, 'loss'>(
      `accumulate ${label(shape)}`,
      { ...batchSignature(shape), ...DROPOUT_SEED },
      (inputs) => {
        const { loss, gradients } = lossAndGradients(model, shape, inputs);
        for (const [index, accumulator] of accumulators.entries()) accumulator.assignAdd(gradients[index] as Tensor);
        return { loss };
      },
    ),
  );
  const apply = session.program<keyof AdamWScalars, 'norm'>('apply', ADAMW_INPUTS, (inputs) => {
    const norm = update(
      accumulators.map((accumulator) => accumulator.read()),
      inputs,
    );
    for (const accumulator of accumulators) accumulator.assign(tf.zeros([...accumulator.shape]));
    return { norm };
  });
  return {
    add: accumulate,
    step(batches, { seed = 0, ...scalars }) {
      const losses = batches.map((batch, index) =>
        scalarOf(accumulate(batch).run({ ...feeds(batch), dropoutSeed: Int32Array.of(seed, index) }).loss),
      );
      const { norm } = apply.run(scalars);
      return { loss: losses.reduce((a, b) => a + b, 0), gradNorm: scalarOf(norm) };
    },
  };
}

/** Loss of a micro-batch and its gradients with respect to the variables' present values, in their order. */
function lossAndGradients(
  model: TrainedModel,
  shape: BatchShape,
  inputs: Readonly<Record<TrainInput, Tensor>>,
): { loss: Scalar; gradients: Tensor[] } {
  const { targets, weights, dropoutSeed } = inputs as Readonly<Record<TrainInput, Tensor1D>>;
  const parameters = model.withDropout?.(dropoutSeed) ?? model.parameters;
  // A variable reads as one and the same tensor until it is written, so the model below uses the tensors listed here.
  const { value, grads } = tf.valueAndGrads(() =>
    weightedCrossEntropy(logitsOf(model, parameters, shape, inputs), targets, weights),
  )([...model.trained.values()].map((variable) => variable.read()));
  return { loss: value as Scalar, gradients: grads };
}

/** Logits at the batch's rows only: [rows, vocab]. */
function logitsOf({ config }: TrainedModel, parameters: Parameters, shape: BatchShape, inputs: BatchInputs) {
  const { batch, time } = shape;
  const positions = Int32Array.from({ length: batch * time }, (_, row) => row % time);
  const hidden = decoderHidden(
    config,
    parameters,
    inputs.ids as Tensor1D,
    tf.tensor1d(positions, 'int32'),
    causalAttention(config, batch, time),
  );
  return lmHead(config, parameters, gatherRows(hidden, inputs.rowIndices as Tensor1D));
}

function batchSignature({ batch, time, rows }: BatchShape) {
  return {
    ids: { shape: [batch * time], dtype: 'int32' },
    rowIndices: { shape: [rows], dtype: 'int32' },
    targets: { shape: [rows], dtype: 'int32' },
    weights: { shape: [rows], dtype: 'float32' },
  } as const;
}

function feeds({ ids, rowIndices, targets, weights }: MicroBatch) {
  return { ids, rowIndices, targets, weights };
}

function label({ batch, time, rows }: BatchShape): string {
  return `${batch}x${time}, ${rows} rows`;
}

function byShape<P extends Program>(make: (shape: BatchShape) => P): (shape: BatchShape) => P {
  const made = new Map<string, P>();
  return (shape) => {
    const known = made.get(label(shape)) ?? make(shape);
    made.set(label(shape), known);
    return known;
  };
}

function scalarOf(values: ArrayLike<number>): number {
  return values[0] ?? Number.NaN;
}
