import type { Tensor1D, Tensor2D, Tensor3D } from '@tensorflow/tfjs-core';
import { tf } from '../tensor/tf.ts';

/** Entries of a group of a large row. Vocabularies are mostly padded to a multiple of it. */
export const GROUP = 128;

/** Rows with fewer groups are looked through as they are. */
const LEAST_GROUPS = 32;

/** The groups that the rows of a large table consist of; undefined if they are short, or no whole number of groups. */
export function groupsOf(x: Tensor2D): Tensor3D | undefined {
  const [rows, entries] = x.shape;
  const groups = entries / GROUP;
  return Number.isInteger(groups) && groups >= LEAST_GROUPS ? tf.reshape(x, [rows, groups, GROUP]) : undefined;
}

/**
 * Some groups of each row.
 *
 * @param groups [rows, groups, GROUP]
 * @param which  [rows, k] int32
 * @returns [rows, k * GROUP]
 */
export function pickGroups(groups: Tensor3D, which: Tensor2D): Tensor2D {
  const [rows, count] = groups.shape;
  const [, k] = which.shape;
  const places = tf.add(which, firstOf(rows, count));
  const table = tf.reshape(groups, [rows * count, GROUP]);
  return tf.reshape(tf.gather(table, tf.reshape(places, [-1]) as Tensor1D), [rows, k * GROUP]);
}

/**
 * Of each row the entries at some places.
 *
 * @param x     [rows, entries]
 * @param which [rows, k] int32
 * @returns [rows, k]
 */
export function pickEntries(x: Tensor2D, which: Tensor2D): Tensor2D {
  const places = tf.add(which, firstOf(...x.shape));
  return tf.reshape(tf.gather(tf.reshape(x, [-1]), tf.reshape(places, [-1]) as Tensor1D), which.shape);
}

/** Where each row begins, counted over all rows: [rows, 1]. */
function firstOf(rows: number, length: number): Tensor2D {
  return tf.reshape(tf.range(0, rows * length, length, 'int32'), [rows, 1]);
}
