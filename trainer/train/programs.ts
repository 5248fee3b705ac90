import type { Scalar, Tensor, Tensor1D } from '@tensorflow/tfjs-core';
import type { ModelConfig } from '../model/config.ts';
import { causalAttention, decoderHidden, lmHead } from '../model/decoder.ts';
import type { Parameters } from '../model/parameters.ts';
import type { Program, Session, Variable } from '../tensor/session.ts';
import { tf } from '../tensor/tf.ts';
import { ADAMW_INPUTS, type AdamW, type AdamWScalars } from './adamw.ts';
import { clipByGlobalNorm } from './clip.ts';
import { rowStatistics, takeRows, weightedCrossEntropy } from './loss.ts';
import type { BatchShape, MicroBatch } from './micro-batches.ts';

/** What the programs compute on. */
export interface TrainedModel {
  readonly session: Session;
  readonly config: ModelConfig;
  /** Reads the session's variables. */
  readonly parameters: Parameters;
  /** The variables that training changes, in the order of their updates. */
  readonly trained: ReadonlyMap<string, Variable>;
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
  /** Declares what a step over batches of these shapes needs, so that a session is put together once instead of shape by shape. */
  prepare(steps: Iterable<readonly BatchShape[]>): void;
  /** Forward, backward, clipping and update over the micro-batches of one optimizer step. */
  step(batches: readonly MicroBatch[], scalars: Readonly<Record<keyof AdamWScalars, Float32Array>>): StepOutcome;
  /** Forward only, without change of state. */
  statistics(batch: MicroBatch): RowStatistics;
}

type BatchInputs = Readonly<Record<'ids' | 'rowIndices' | 'targets' | 'weights', Tensor>>;
type BatchInput = keyof BatchInputs;
type StepInput = BatchInput | keyof AdamWScalars;

/**
 * Programs over the model's own variables. A step of one micro-batch is a single program; a step of several adds each one's gradients
 * to accumulators, which exist only then, and ends with a program of its own.
 *
 * @param maxNorm gradient clipping; undefined: none
 */
export function createTrainPrograms(model: TrainedModel, optimizer: AdamW, maxNorm: number | undefined): TrainPrograms {
  const { session, trained } = model;
  const variables = [...trained.values()];
  const accumulators = lazily(() =>
    [...trained].map(([name, { shape, dtype }]) => session.variable(`gradient.${name}`, { shape, dtype })),
  );
  const update = (gradients: readonly Tensor[], scalars: AdamWScalars): Scalar => {
    const { norm, clipped } = clipByGlobalNorm(gradients, maxNorm);
    optimizer.apply(clipped, scalars);
    return norm;
  };

  const single = byShape((shape) =>
    session.program<StepInput, 'loss' | 'norm'>(
      `step ${label(shape)}`,
      { ...batchSignature(shape), ...ADAMW_INPUTS },
      (inputs) => {
        const { loss, gradients } = lossAndGradients(model, variables, shape, inputs);
        return { loss, norm: update(gradients, inputs) };
      },
    ),
  );
  const accumulate = byShape((shape) =>
    session.program<BatchInput, 'loss'>(`accumulate ${label(shape)}`, batchSignature(shape), (inputs) => {
      const { loss, gradients } = lossAndGradients(model, variables, shape, inputs);
      for (const [index, accumulator] of accumulators().entries()) accumulator.assignAdd(gradients[index] as Tensor);
      return { loss };
    }),
  );
  const apply = lazily(() =>
    session.program<keyof AdamWScalars, 'norm'>('apply', ADAMW_INPUTS, (inputs) => {
      const norm = update(
        accumulators().map((accumulator) => accumulator.read()),
        inputs,
      );
      for (const accumulator of accumulators()) accumulator.assign(tf.zeros([...accumulator.shape]));
      return { norm };
    }),
  );
  const statistics = byShape((shape) =>
    session.program<BatchInput, keyof RowStatistics>(`statistics ${label(shape)}`, batchSignature(shape), (inputs) =>
      rowStatistics(logitsOf(model, shape, inputs), inputs.targets as Tensor1D),
    ),
  );

  return {
    prepare(steps) {
      for (const shapes of steps) {
        if (shapes.length > 1) apply();
        for (const shape of shapes) (shapes.length > 1 ? accumulate : single)(shape);
      }
    },
    step(batches, scalars) {
      const [only] = batches;
      if (only !== undefined && batches.length === 1) {
        const { loss, norm } = single(only).run({ ...feeds(only), ...scalars });
        return { loss: scalarOf(loss), gradNorm: scalarOf(norm) };
      }
      const losses = batches.map((batch) => scalarOf(accumulate(batch).run(feeds(batch)).loss));
      const { norm } = apply().run(scalars);
      return { loss: losses.reduce((a, b) => a + b, 0), gradNorm: scalarOf(norm) };
    },
    statistics(batch) {
      const { nll, entropy } = statistics(batch).run(feeds(batch));
      return { nll: nll as Float32Array, entropy: entropy as Float32Array };
    },
  };
}

/** Loss of a micro-batch and its gradients with respect to the variables' present values, in their order. */
function lossAndGradients(
  model: TrainedModel,
  variables: readonly Variable[],
  shape: BatchShape,
  inputs: BatchInputs,
): { loss: Scalar; gradients: Tensor[] } {
  const { targets, weights } = inputs as Readonly<Record<BatchInput, Tensor1D>>;
  // A variable reads as one and the same tensor until it is written, so the model below uses the tensors listed here.
  const { value, grads } = tf.valueAndGrads(() =>
    weightedCrossEntropy(logitsOf(model, shape, inputs), targets, weights),
  )(variables.map((variable) => variable.read()));
  return { loss: value as Scalar, gradients: grads };
}

/** Logits at the batch's rows only: [rows, vocab]. */
function logitsOf({ config, parameters }: TrainedModel, shape: BatchShape, inputs: BatchInputs) {
  const { batch, time } = shape;
  const positions = Int32Array.from({ length: batch * time }, (_, row) => row % time);
  const hidden = decoderHidden(
    config,
    parameters,
    inputs.ids as Tensor1D,
    tf.tensor1d(positions, 'int32'),
    causalAttention(config, batch, time),
  );
  return lmHead(config, parameters, takeRows(hidden, inputs.rowIndices as Tensor1D));
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

function lazily<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

function scalarOf(values: ArrayLike<number>): number {
  return values[0] ?? Number.NaN;
}
