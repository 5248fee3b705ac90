import type { Tensor1D, Tensor2D } from '@tensorflow/tfjs-core';
import { tf } from '../tensor/tf.ts';

/** Entries of a group of a large row. Vocabularies are mostly padded to a multiple of it. */
const GROUP = 128;

/** Rows with fewer groups are looked through as they are. */
const LEAST_GROUPS = 32;

export interface TopK {
  /** [rows, k] the largest first. */
  readonly values: Tensor2D;
  /** [rows, k] int32; of equal values the one with the lower index comes first. */
  readonly indices: Tensor2D;
}

/**
 * The k largest entries of each row. TensorFlow's own operation takes a large part of a decoding step when the vocabulary is large; the largest
 * entry of each group is found several times as fast, and the k largest of all lie in the k groups with the largest ones.
 *
 * @param x [rows, entries]
 */
export function topK(x: Tensor2D, k: number): TopK {
  const [rows, entries] = x.shape;
  const groups = entries / GROUP;
  if (!Number.isInteger(groups) || groups < Math.max(LEAST_GROUPS, k)) return ofRows(x, k);
  const largest = tf.max(tf.reshape(x, [rows, groups, GROUP]), 2) as Tensor2D;
  // In the order of their entries, so that of equals the first is found first.
  const chosen = tf.neg(ofRows(tf.neg(ofRows(largest, k).indices), k).values);
  const table = tf.reshape(x, [rows * groups, GROUP]);
  const places = tf.add(chosen, tf.reshape(tf.range(0, rows * groups, groups, 'int32'), [rows, 1]));
  const candidates = tf.reshape(tf.gather(table, tf.reshape(places, [-1]) as Tensor1D), [rows, k * GROUP]);
  const { values, indices } = ofRows(candidates as Tensor2D, k);
  const member = tf.floorDiv(indices, tf.scalar(GROUP, 'int32'));
  const group = tf.reshape(
    tf.gather(
      tf.reshape(chosen, [-1]),
      tf.reshape(tf.add(member, tf.reshape(tf.range(0, rows * k, k, 'int32'), [rows, 1])), [-1]) as Tensor1D,
    ),
    [rows, k],
  );
  const within = tf.sub(indices, tf.mul(member, tf.scalar(GROUP, 'int32')));
  return { values, indices: tf.add(tf.mul(group, tf.scalar(GROUP, 'int32')), within) };
}

function ofRows(x: Tensor2D, k: number): TopK {
  return tf.topk(x, k, true) as unknown as TopK;
}
