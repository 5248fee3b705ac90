import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Tensor } from '@tensorflow/tfjs-core';
import { addonPackageDir, addonPaths } from './backend-state.ts';
import type { Attribute } from './graph-def.ts';
import type { Kernels } from './lower.ts';
import { type NodeBackend, nodeBackend } from './node-backend.ts';
import type { TensorSpec, Variable } from './session.ts';
import { tf } from './tf.ts';

const require = createRequire(import.meta.url);

/** A use of an op of trainer/kernels. */
export interface KernelCall {
  readonly op: string;
  readonly attributes: Readonly<Record<string, Attribute>>;
  readonly inputs: readonly Tensor[];
  /** Its last inputs: their memory is written. */
  readonly updates?: readonly Variable[];
  readonly outputs: readonly TensorSpec[];
}

/** What the ops of trainer/kernels run on; undefined where programs can't use them: on a GPU, or where the set-up did not compile them. */
export function findKernels(backend: NodeBackend): Kernels | undefined {
  const { kernels } = addonPaths(addonPackageDir());
  if (backend.isUsingGpuDevice || !existsSync(kernels)) return undefined;
  try {
    const { ready, bfloat16Units } = require(kernels) as { ready: boolean; bfloat16Units: boolean };
    return ready ? { bfloat16Units } : undefined;
  } catch {
    // It was compiled for another machine or TensorFlow: that costs speed, no more.
    return undefined;
  }
}

/** Runs an op of trainer/kernels, and returns its outputs. */
export type RunKernel = (call: KernelCall) => Tensor[];

/** Runs the ops of trainer/kernels, in a program whose session uses them; elsewhere undefined. */
export function kernels(): RunKernel | undefined {
  return nodeBackend()?.kernel;
}

/**
 * Runs an op of trainer/kernels whose gradients are those of the op with `Gradient` behind its name: that takes the gradient of the value and the inputs, and
 * tells the gradient of each input.
 *
 * @param inputs float32
 * @returns as the first input
 */
export function differentiable<T extends Tensor>(
  run: RunKernel,
  op: string,
  attributes: KernelCall['attributes'],
  inputs: readonly [T, ...Tensor[]],
): T {
  const call = tf.customGrad((...args) => {
    const save = args.at(-1) as unknown as (tensors: Tensor[]) => void;
    const inputs = args.slice(0, -1) as Tensor[];
    save(inputs);
    const [value] = run({ op, attributes, inputs, outputs: inputs.slice(0, 1).map(likewise) });
    const gradFunc = (dy: Tensor, saved: Tensor[]) =>
      run({ op: `${op}Gradient`, attributes, inputs: [dy, ...saved], outputs: saved.map(likewise) });
    return { value: value as Tensor, gradFunc };
  });
  return call(...inputs) as T;
}

/** A float32 output of an op that is shaped as one of its inputs. */
export function likewise({ shape }: Tensor): TensorSpec {
  return { shape, dtype: 'float32' };
}
