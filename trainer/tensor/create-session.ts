import { EagerSession } from './eager-session.ts';
import { GraphSession } from './graph-session.ts';
import { findKernels } from './kernels.ts';
import type { Precision } from './lower.ts';
import { nodeBackend } from './node-backend.ts';
import type { Session } from './session.ts';

export interface SessionOptions {
  /** `bf16` computes matrix products in bfloat16 with fp32 weights and state; TensorFlow only. Default `fp32`. */
  readonly precision?: Precision | undefined;
  /** Whether programs may use the ops of trainer/kernels. Default: where there are any. */
  readonly kernels?: boolean | undefined;
}

/** A session on the backend that `loadBackend` made active: compiled graphs on TensorFlow, eager ops elsewhere. */
export function createSession(options: SessionOptions = {}): Session {
  const backend = nodeBackend();
  if (backend === undefined) return new EagerSession();
  const { precision = 'fp32', kernels = true } = options;
  return new GraphSession(backend, { precision, kernels: kernels ? findKernels(backend) : undefined });
}
