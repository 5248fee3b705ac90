import type { Tensor } from '@tensorflow/tfjs-core';

/** Element types that cross the boundary between JavaScript and a program. */
export type DType = 'float32' | 'int32';
export type TypedArray = Float32Array | Int32Array;

/** Static shape and element type of a program's input or of a variable. */
export interface TensorSpec {
  readonly shape: readonly number[];
  readonly dtype: DType;
}

/** How a variable that no program writes is held, where the backend can; its reader sees nothing of it. */
export interface Held {
  /** Rows of an even number of float32 values in half the memory, rounded to bfloat16; of an odd number as they are. */
  readonly bfloat16?: boolean;
  /** A weight of a linear layer, [out, in], as products with its transpose are fastest: by columns, or as the ops of trainer/kernels want it. */
  readonly linear?: boolean;
  /** Rows of the weight are looked up as well, for which columns are the wrong form. */
  readonly lookedUp?: boolean;
}

export interface VariableSpec extends TensorSpec {
  readonly held?: Held | undefined;
}

/**
 * State that lives beside the programs: weights, optimizer moments, key/value caches.
 * `read`, `assign`, `assignAdd` and `updateRows` are for use inside a program's function; `load` and `values` are the way in and out for the host.
 */
export interface Variable extends TensorSpec {
  readonly name: string;
  /** The value at this point of the program, in program order with the writes. */
  read(): Tensor;
  /** Replaces the value; not for a variable that `updateRows` is used on. */
  assign(value: Tensor): void;
  assignAdd(value: Tensor): void;
  /**
   * Writes whole rows of the first axis in place and returns the variable's new value, without copying it.
   *
   * @param rows   [n] int32 row numbers; of a repeated row number any one value stays
   * @param values [n, ...shape[1:]]
   */
  updateRows(rows: Tensor, values: Tensor): Tensor;
  /**
   * One AdamW update in place, with PyTorch's formulas (decoupled weight decay, bias correction, eps outside the root). As with
   * `updateRows`, what was read of the three variables before may not be used after it.
   */
  applyAdamW(update: AdamWUpdate): void;
  /** Host to variable. */
  load(values: TypedArray): void;
  /** Variable to host: a copy. */
  values(): TypedArray;
}

export interface AdamWUpdate {
  readonly gradient: Tensor;
  /** A scalar that the gradient is multiplied with first. */
  readonly gradientScale: Tensor;
  readonly m: Variable;
  readonly v: Variable;
  /** Scalars fed to the program: learning rate, 1 - beta1^t, 1 - beta2^t. */
  readonly learningRate: Tensor;
  readonly biasCorrection1: Tensor;
  readonly biasCorrection2: Tensor;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly weightDecay: number;
}

export type Signature = Readonly<Record<string, TensorSpec>>;

/** A compiled function: host arrays in, host arrays out; everything else stays in the session's variables. */
export interface Program<I extends string = string, O extends string = string> {
  readonly name: string;
  run(feeds: Readonly<Record<I, TypedArray>>): Record<O, TypedArray>;
}

/**
 * Programs that share variables. On TensorFlow each program is traced once and runs as a graph; elsewhere it runs eagerly.
 *
 * @example
 * const session = createSession(backend);
 * const w = session.variable('w', { shape: [2, 2], dtype: 'float32' }); // zeros until loaded
 * const double = session.program('double', { x: { shape: [2, 2], dtype: 'float32' } }, ({ x }) => ({ y: tf.matMul(x, w.read()) }));
 * w.load(new Float32Array([2, 0, 0, 2]));
 * double.run({ x: new Float32Array([1, 2, 3, 4]) }).y; // [2, 4, 6, 8]
 */
export interface Session {
  /** Whether its programs use the ops of trainer/kernels. */
  readonly kernels: boolean;
  /** Whether products with a weight that is held as bfloat16s are those with the same values as floats, to the bit. */
  readonly exactBfloat16: boolean;
  variable(name: string, spec: VariableSpec): Variable;
  program<I extends string, O extends string>(
    name: string,
    inputs: Readonly<Record<I, TensorSpec>>,
    body: (inputs: Readonly<Record<I, Tensor>>) => Readonly<Record<O, Tensor>>,
  ): Program<I, O>;
  dispose(): void;
}
