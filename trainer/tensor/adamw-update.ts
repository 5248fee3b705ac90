import type { Tensor } from '@tensorflow/tfjs-core';
import type { RunKernel } from './kernels.ts';
import type { AdamWUpdate, Variable } from './session.ts';
import { tf } from './tf.ts';

/** The whole update as an op of trainer/kernels: one pass over the weight, its moments and the gradient. */
export function runAdamW(run: RunKernel, weight: Variable, update: AdamWUpdate): void {
  const { gradient, gradientScale, m, v, learningRate, biasCorrection1, biasCorrection2 } = update;
  const { beta1, beta2, epsilon, weightDecay } = update;
  run({
    op: 'CftAdamW',
    attributes: {
      beta1: { float: beta1 },
      beta2: { float: beta2 },
      epsilon: { float: epsilon },
      weight_decay: { float: weightDecay },
    },
    inputs: [gradient, gradientScale, learningRate, biasCorrection1, biasCorrection2],
    updates: [weight, m, v],
    outputs: [],
  });
}

/**
 * What TensorFlow's ResourceApplyAdam takes between the variables and the gradient. It corrects the bias by its own powers of beta and adds
 * epsilon before the correction: powers of zero switch its correction off; scaling the step and epsilon by the corrections gives PyTorch's
 * update exactly.
 */
export function adamScalars(update: AdamWUpdate): Tensor[] {
  const { learningRate, biasCorrection1, biasCorrection2, beta1, beta2, epsilon } = update;
  const root = tf.sqrt(biasCorrection2);
  const zero = tf.scalar(0);
  return [
    zero,
    zero,
    tf.div(tf.mul(learningRate, root), biasCorrection1),
    tf.scalar(beta1),
    tf.scalar(beta2),
    tf.mul(root, epsilon),
  ];
}
