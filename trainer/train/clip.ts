import type { Scalar, Tensor } from '@tensorflow/tfjs-core';
import { tf } from '../tensor/tf.ts';

/** Keeps the quotient finite when the norm is 0; the value is PyTorch's. */
const EPSILON = 1e-6;

/**
 * Gradients scaled so that their norm, taken over all of them together, is at most `maxNorm`, with the formula of
 * `torch.nn.utils.clip_grad_norm_`: each is multiplied by min(1, maxNorm / (norm + 1e-6)).
 *
 * @param maxNorm undefined: the gradients stay as they are
 * @returns the norm before clipping, and the gradients in their order
 */
export function clipByGlobalNorm(
  gradients: readonly Tensor[],
  maxNorm: number | undefined,
): { norm: Scalar; clipped: Tensor[] } {
  const squares = gradients.map((gradient) => tf.sum(tf.square(gradient)));
  const norm = tf.sqrt(tf.addN(squares)) as Scalar;
  if (maxNorm === undefined) return { norm, clipped: [...gradients] };
  const coefficient = tf.minimum(1, tf.div(maxNorm, tf.add(norm, EPSILON)));
  return { norm, clipped: gradients.map((gradient) => tf.mul(gradient, coefficient)) };
}
