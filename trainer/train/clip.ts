import type { Scalar, Tensor } from '@tensorflow/tfjs-core';
import { kernels } from '../tensor/kernels.ts';
import { tf } from '../tensor/tf.ts';

/** Keeps the quotient finite when the norm is 0; the value is PyTorch's. */
const EPSILON = 1e-6;

/**
 * How long the gradients are, all of them together, and what to multiply each with so that they are at most `maxNorm` long: the formula of
 * `torch.nn.utils.clip_grad_norm_`, min(1, maxNorm / (norm + 1e-6)). Whatever waits for one of the two waits for all gradients.
 *
 * @param maxNorm default: the gradients stay as they are
 */
export function globalClipping(
  gradients: readonly Tensor[],
  maxNorm = Number.POSITIVE_INFINITY,
): { norm: Scalar; scale: Scalar } {
  const norm = tf.sqrt(tf.addN(gradients.map(sumOfSquares))) as Scalar;
  return { norm, scale: tf.minimum(1, tf.div(maxNorm, tf.add(norm, EPSILON))) as Scalar };
}

function sumOfSquares(x: Tensor): Tensor {
  const run = kernels();
  if (run === undefined) return tf.sum(tf.square(x));
  const outputs = [{ shape: [], dtype: 'float32' }] as const;
  return run({ op: 'CftSumOfSquares', attributes: {}, inputs: [x], outputs })[0] as Tensor;
}
