import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Tensor } from '@tensorflow/tfjs-core';
import { addonPackageDir, addonPaths } from './backend-state.ts';
import type { Attribute } from './graph-def.ts';
import { type NodeBackend, nodeBackend } from './node-backend.ts';
import type { TensorSpec, Variable } from './session.ts';

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

/** Whether programs can use the ops of trainer/kernels: on a processor, where the set-up compiled them. */
export function hasKernels(backend: NodeBackend): boolean {
  const { kernels } = addonPaths(addonPackageDir());
  if (backend.isUsingGpuDevice || !existsSync(kernels)) return false;
  try {
    return (require(kernels) as { ready: boolean }).ready;
  } catch {
    // It was compiled for another machine or TensorFlow: that costs speed, no more.
    return false;
  }
}

/** Runs an op of trainer/kernels, and returns its outputs. */
export type RunKernel = (call: KernelCall) => Tensor[];

/** Runs the ops of trainer/kernels, in a program whose session uses them; elsewhere undefined. */
export function kernels(): RunKernel | undefined {
  return nodeBackend()?.kernel;
}

/** An output of a tensor's shape and type. */
export function specOf({ shape, dtype }: Tensor): TensorSpec {
  return { shape, dtype: dtype === 'int32' ? 'int32' : 'float32' };
}
