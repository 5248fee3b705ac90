import type { Tensor1D, Tensor2D } from '@tensorflow/tfjs-core';
import { tf } from '../tensor/tf.ts';
import { GROUP, groupsOf, pickEntries, pickGroups } from './row-groups.ts';
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
 * so that what a sequence draws depends on its own numbers only, not on its neighbours in the batch. In a large vocabulary a group of tokens is
 * drawn first, then one of its tokens: adding up all probabilities in order would take longer than the rest of the step.
 *
 * @param logits      [rows, vocab]
 * @param temperature [] > 0
 * @param uniforms    [rows] in [0, 1)
 */
export function sample(logits: Tensor2D, temperature: Tensor1D, uniforms: Tensor1D): Tensor1D {
  const probabilities = tf.softmax(tf.div(logits, temperature)) as Tensor2D;
  const fraction = tf.reshape(uniforms, [-1, 1]) as Tensor2D;
  const groups = groupsOf(probabilities);
  if (groups === undefined) return tf.reshape(inverse(probabilities, fraction).index, [-1]);
  const { index: group, rest } = inverse(tf.sum(groups, 2), fraction);
  const { index: within } = inverse(pickGroups(groups, group), rest);
  return tf.reshape(tf.add(tf.mul(group, tf.scalar(GROUP, 'int32')), within), [-1]);
}

/** The largest float32 below 1. */
const BELOW_ONE = 1 - 2 ** -24;

/**
 * The first entry of each row up to which the entries add up to more than a fraction of their sum.
 *
 * @param weights  [rows, entries] >= 0
 * @param fraction [rows, 1] in [0, 1)
 * @returns index [rows, 1] int32; rest [rows, 1]: which fraction of that entry was left, in [0, 1)
 */
function inverse(weights: Tensor2D, fraction: Tensor2D): { readonly index: Tensor2D; readonly rest: Tensor2D } {
  const entries = weights.shape[1];
  const upTo = tf.cumsum(weights, 1) as Tensor2D;
  const threshold = tf.mul(fraction, tf.slice(upTo, [0, entries - 1], [-1, 1]));
  const below = tf.sum(tf.cast(tf.lessEqual(upTo, threshold), 'int32'), 1, true);
  const index = tf.minimum(below, tf.scalar(entries - 1, 'int32')) as Tensor2D;
  const weight = pickEntries(weights, index);
  const left = tf.sub(threshold, tf.sub(pickEntries(upTo, index), weight));
  return { index, rest: tf.clipByValue(tf.div(left, weight), 0, BELOW_ONE) };
}

/**
 * What there is to say of each row's distribution over the next token. By softmax, for which TensorFlow has a kernel several times as fast as that
 * for its logarithm.
 *
 * @param logits [rows, vocab]
 * @returns entropy [rows] in nats; logSum [rows, 1]: a token's log-probability is its logit less this
 */
export function distribution(logits: Tensor2D): { readonly entropy: Tensor1D; readonly logSum: Tensor2D } {
  const largest = tf.max(logits, 1, true) as Tensor2D;
  const below = tf.sub(logits, largest);
  const probabilities = tf.softmax(below);
  const surprise = tf.neg(tf.log(tf.max(probabilities, 1, true)));
  const mean = tf.sum(tf.mul(probabilities, below), 1, true);
  return { entropy: tf.reshape(tf.sub(surprise, mean), [-1]), logSum: tf.add(largest, surprise) };
}
