import type { Scalar, Tensor, Tensor1D } from '@tensorflow/tfjs-core';
import type { Program, TensorSpec } from '../tensor/session.ts';
import { tf } from '../tensor/tf.ts';
import { ADAMW_INPUTS, type AdamW, type AdamWScalars } from './adamw.ts';
import { globalClipping } from './clip.ts';
import { type BatchTensors, logitsOf, lossAndGradients, type TrainedModel } from './forward.ts';
import { rowStatistics } from './loss.ts';
import type { MicroBatch } from './micro-batches.ts';
import type { BatchShape } from './shapes.ts';

export type { TrainedModel } from './forward.ts';

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

export interface TrainProgramOptions {
  /** A step may have several micro-batches. Default false. */
  readonly accumulate?: boolean;
  /** Keep only the inputs of the layers, and compute each layer anew on the way back. Default false. */
  readonly gradientCheckpointing?: boolean;
  /** The micro-batches of a step say their tokens' positions. Default false: each row is one sequence. */
  readonly packing?: boolean;
}

type BatchInput = 'ids' | 'rowIndices' | 'targets' | 'weights';
type TrainInput = BatchInput | 'dropoutSeed';

/**
 * Programs over the model's own variables. Without accumulation a step is a single program. With it each micro-batch adds its gradients
 * to accumulators, and a program of its own ends the step.
 *
 * @param maxNorm gradient clipping; undefined: none
 */
export function createTrainPrograms(
  model: TrainedModel,
  optimizer: AdamW,
  maxNorm: number | undefined,
  options: TrainProgramOptions = {},
): TrainPrograms {
  const { session } = model;
  const update = (gradients: readonly Tensor[], scalars: AdamWScalars): Scalar => {
    const { norm, scale } = globalClipping(gradients, maxNorm);
    optimizer.apply(gradients, scale, scalars);
    return norm;
  };
  const { add, step } = (options.accumulate ? severalBatches : oneBatch)(model, update, options);
  const statistics = byShape((shape) =>
    session.program<BatchInput, keyof RowStatistics>(`statistics ${label(shape)}`, batchSignature(shape), (inputs) => {
      const batch = inputs as unknown as BatchTensors;
      return rowStatistics(logitsOf(model, shape, batch), batch.targets);
    }),
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

function oneBatch(model: TrainedModel, update: Update, options: TrainProgramOptions): StepPrograms {
  const program = byShape((shape) =>
    model.session.program<TrainInput | keyof AdamWScalars, 'loss' | 'norm'>(
      `step ${label(shape)}`,
      { ...trainSignature(shape, options), ...ADAMW_INPUTS },
      (inputs) => {
        const { loss, gradients } = lossOf(model, shape, inputs, options);
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

function severalBatches(model: TrainedModel, update: Update, options: TrainProgramOptions): StepPrograms {
  const { session, trained } = model;
  const accumulators = [...trained].map(([name, { shape, dtype }]) =>
    session.variable(`gradient.${name}`, { shape, dtype }),
  );
  const accumulate = byShape((shape) =>
    session.program<TrainInput, 'loss'>(`accumulate ${label(shape)}`, trainSignature(shape, options), (inputs) => {
      const { loss, gradients } = lossOf(model, shape, inputs, options);
      for (const [index, accumulator] of accumulators.entries()) accumulator.assignAdd(gradients[index] as Tensor);
      return { loss };
    }),
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

function lossOf(
  model: TrainedModel,
  shape: BatchShape,
  inputs: Readonly<Record<TrainInput, Tensor>>,
  { gradientCheckpointing = false }: TrainProgramOptions,
) {
  const batch = inputs as unknown as BatchTensors;
  return lossAndGradients(model, shape, batch, inputs.dropoutSeed as Tensor1D, gradientCheckpointing);
}

function trainSignature(shape: BatchShape, { packing }: TrainProgramOptions): Record<TrainInput, TensorSpec> {
  const signature = batchSignature(shape);
  return {
    ...signature,
    ...(packing && { positions: signature.ids }),
    dropoutSeed: { shape: [2], dtype: 'int32' },
  };
}

function batchSignature({ batch, time, rows }: BatchShape) {
  return {
    ids: { shape: [batch * time], dtype: 'int32' },
    rowIndices: { shape: [rows], dtype: 'int32' },
    targets: { shape: [rows], dtype: 'int32' },
    weights: { shape: [rows], dtype: 'float32' },
  } as const;
}

function feeds({ ids, positions, rowIndices, targets, weights }: MicroBatch) {
  return { ids, ...(positions && { positions }), rowIndices, targets, weights };
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
