import type { Tensor1D, Tensor2D } from '@tensorflow/tfjs-core';
import { tf } from '../tensor/tf.ts';
import { topK } from './top-k.ts';

/** The most likely token of each row; of equals the one with the lowest id. `margin` is the gap to the second, in logits. */
export interface Greedy {
  readonly next: Tensor1D;
  readonly margin: Tensor1D;
}

/** @param logits [rows, vocab] */
export function greedy(logits: Tensor2D): Greedy {
  const { values, indices } = topK(logits, 2);
  const [first, second] = tf.unstack(values, 1) as [Tensor1D, Tensor1D];
  return { next: tf.reshape(tf.slice(indices, [0, 0], [-1, 1]), [-1]), margin: tf.sub(first, second) };
}

/**
 * A token of each row drawn from softmax(logits / temperature) by inverting its distribution function. One number a row decides,
 * so that what a sequence draws depends on its own numbers only, not on its neighbours in the batch.
 *
 * @param logits      [rows, vocab]
 * @param temperature [] > 0
 * @param uniforms    [rows] in [0, 1)
 */
export function sample(logits: Tensor2D, temperature: Tensor1D, uniforms: Tensor1D): Tensor1D {
  const [rows, vocab] = logits.shape;
  const cumulative = tf.cumsum(tf.softmax(tf.div(logits, temperature)), 1) as Tensor2D;
  const total = tf.slice(cumulative, [0, vocab - 1], [-1, 1]);
  const threshold = tf.mul(tf.reshape(uniforms, [rows, 1]), total);
  const below = tf.sum(tf.cast(tf.lessEqual(cumulative, threshold), 'int32'), 1);
  return tf.minimum(below, tf.scalar(vocab - 1, 'int32')) as Tensor1D;
}

/** Entropy of each row's distribution over the next token, in nats: [rows, vocab] to [rows]. */
export function entropy(logits: Tensor2D): Tensor1D {
  const logProbabilities = tf.logSoftmax(logits);
  return tf.neg(tf.sum(tf.mul(tf.exp(logProbabilities), logProbabilities), 1)) as Tensor1D;
}
