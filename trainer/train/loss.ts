import type { Scalar, Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs-core';
import { kernels, likewise, type RunKernel } from '../tensor/kernels.ts';
import { type NodeBackend, nodeBackend } from '../tensor/node-backend.ts';
import { tf } from '../tensor/tf.ts';

/**
 * Sum of weight times cross-entropy over rows, in nats. With the step's normalisation in the weights
 * (see lossFactors) the sum over all micro-batches is the loss of the optimizer step.
 *
 * Costs one pass over the logits forward and one backward; no one-hot matrix is made where TensorFlow is at hand, and the ops of trainer/kernels
 * write the gradient over the logits.
 *
 * @param logits  [rows, vocab] at the positions that predict a weighted token
 * @param targets [rows] int32 the tokens to predict
 * @param weights [rows] 0 for padding
 */
export function weightedCrossEntropy(logits: Tensor2D, targets: Tensor1D, weights: Tensor1D): Scalar {
  const op = tf.customGrad((...args) => {
    const [logits, save] = args as unknown as [Tensor2D, (tensors: Tensor[]) => void];
    const { nll, kept, back } = crossEntropy(logits, targets);
    save([weights, ...kept]);
    const gradFunc = (dy: Tensor, [weights, ...kept]: Tensor[]) => back(tf.mul(weights as Tensor, dy), kept);
    return { value: tf.sum(tf.mul(nll, weights)), gradFunc };
  });
  return op(logits) as Scalar;
}

/**
 * Negative log-likelihood of the target and entropy of the whole distribution, both in nats, for each row.
 *
 * @param logits  [rows, vocab]
 * @param targets [rows] int32
 */
export function rowStatistics(logits: Tensor2D, targets: Tensor1D): { nll: Tensor1D; entropy: Tensor1D } {
  const logProbabilities = tf.logSoftmax(logits);
  const entropy = tf.neg(tf.sum(tf.mul(tf.exp(logProbabilities), logProbabilities), -1)) as Tensor1D;
  return { nll: crossEntropy(logits, targets).nll, entropy };
}

/** Cross-entropy of each row [rows], and the way back: from its gradient and what was kept for it to that of the logits [rows, vocab]. */
interface CrossEntropy {
  readonly nll: Tensor1D;
  readonly kept: readonly Tensor[];
  readonly back: (dy: Tensor, kept: readonly Tensor[]) => Tensor;
}

function crossEntropy(logits: Tensor2D, targets: Tensor1D): CrossEntropy {
  const run = kernels();
  if (run !== undefined) return crossEntropyInPlace(run, logits, targets);
  const backend = nodeBackend();
  const { nll, gradient } =
    backend === undefined ? crossEntropyInOps(logits, targets) : crossEntropyKernel(backend, logits, targets);
  const back = (dy: Tensor, [gradient]: readonly Tensor[]) => tf.mul(gradient as Tensor, tf.reshape(dy, [-1, 1]));
  return { nll, kept: [gradient], back };
}

function crossEntropyInPlace(run: RunKernel, logits: Tensor2D, targets: Tensor1D): CrossEntropy {
  const row = likewise(targets);
  const inputs = [logits, targets];
  const [nll, ...parts] = run({ op: 'CftCrossEntropy', attributes: {}, inputs, outputs: [row, row, row] });
  const back = (dy: Tensor, kept: readonly Tensor[]) => {
    const outputs = [likewise(logits)];
    return run({ op: 'CftCrossEntropyGradient', attributes: {}, inputs: [dy, ...kept], outputs })[0] as Tensor;
  };
  return { nll: nll as Tensor1D, kept: [...inputs, ...parts], back };
}

// tfjs has no such op, TensorFlow does: loss and gradient from one read of the logits.
function crossEntropyKernel(
  backend: NodeBackend,
  logits: Tensor2D,
  targets: Tensor1D,
): { nll: Tensor1D; gradient: Tensor2D } {
  const type = (name: string, tensor: Tensor) => ({
    name,
    type: backend.binding.TF_ATTR_TYPE,
    value: backend.tensorMap.get(tensor.dataId).dtype,
  });
  const attributes = [type('T', logits), type('Tlabels', targets)];
  const op = 'SparseSoftmaxCrossEntropyWithLogits';
  const [nll, gradient] = backend.executeMultipleOutputs(op, attributes, [logits, targets], 2);
  return { nll: nll as Tensor1D, gradient: gradient as Tensor2D };
}

function crossEntropyInOps(logits: Tensor2D, targets: Tensor1D): { nll: Tensor1D; gradient: Tensor2D } {
  const logProbabilities = tf.logSoftmax(logits);
  const oneHot = tf.cast(tf.oneHot(targets, logits.shape[1]), 'float32');
  return {
    nll: tf.neg(tf.sum(tf.mul(oneHot, logProbabilities), -1)) as Tensor1D,
    gradient: tf.sub(tf.exp(logProbabilities), oneHot) as Tensor2D,
  };
}
