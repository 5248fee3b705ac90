import type { KernelBackend, Tensor } from '@tensorflow/tfjs-core';
import type { KernelCall } from './kernels.ts';
import { tf } from './tf.ts';

/** An op attribute as tfjs-node's kernels hand it to the TensorFlow C API. */
export interface OpAttribute {
  readonly name: string;
  readonly type: number;
  readonly value: unknown;
}

/** A tensor that lives in TensorFlow, as the addon describes it. */
export interface TensorHandle {
  readonly id: number;
  readonly dtype: number;
  readonly shape: number[];
}

/** The functions of tfjs-node's N-API addon that we call. */
export interface NodeBinding {
  readonly TF_ATTR_STRING: number;
  readonly TF_ATTR_INT: number;
  readonly TF_ATTR_FLOAT: number;
  readonly TF_ATTR_BOOL: number;
  readonly TF_ATTR_TYPE: number;
  readonly TF_ATTR_SHAPE: number;
  createTensor(shape: readonly number[], dtype: number, values: ArrayBufferView): number;
  deleteTensor(id: number): void;
  tensorDataSync(id: number): Float32Array | Int32Array | Uint8Array;
  loadSavedModel(directory: string, tags: string): number;
  deleteSavedModel(id: number): void;
  runSavedModel(id: number, inputIds: readonly number[], inputNames: string, outputNames: string): TensorHandle[];
}

/** tfjs-node's backend: every kernel of it ends in one of the two execute functions, which is where a trace listens. */
export interface NodeBackend extends KernelBackend {
  readonly binding: NodeBinding;
  readonly isUsingGpuDevice: boolean;
  readonly tensorMap: { get(dataId: object): { readonly dtype: number } };
  executeSingleOutput(op: string, attributes: OpAttribute[], inputs: Tensor[]): Tensor;
  executeMultipleOutputs(op: string, attributes: OpAttribute[], inputs: Tensor[], count: number): Tensor[];
  /** Not tfjs's: there while a program is recorded. See after.ts. */
  after?: ((x: Tensor, awaited: readonly Tensor[]) => Tensor) | undefined;
  /** Not tfjs's either: there while a program is recorded that can use the ops of trainer/kernels. See kernels.ts. */
  kernel?: ((call: KernelCall) => Tensor[]) | undefined;
}

/** The active backend if it is tfjs-node's TensorFlow, else undefined. */
export function nodeBackend(): NodeBackend | undefined {
  return tf.getBackend() === 'tensorflow' ? (tf.backend() as NodeBackend) : undefined;
}
