import type { Tensor1D, Tensor3D } from '@tensorflow/tfjs-core';
import type { ModelConfig } from '../model/config.ts';
import { attentionMasks } from '../model/decoder.ts';
import type { Attend } from '../model/parameters.ts';
import { requireFixedAngles } from '../model/rope.ts';
import type { Session, Variable } from '../tensor/session.ts';
import { tf } from '../tensor/tf.ts';

/**
 * Keys and values of `slots` sequences of up to `time` tokens, one pair of session variables a layer, each of shape
 * [slots * kvHeads, time * headDim]: a token's row is contiguous, and so is a sequence's. Nothing is cleared between
 * sequences: a query sees only places up to its own position, which its sequence has written.
 */
export interface KvCache {
  readonly slots: number;
  readonly time: number;
  readonly layers: readonly { readonly k: Variable; readonly v: Variable }[];
}

/** Declares the cache's variables in the session: 2 * layers * slots * time * kvHeads * headDim floats. */
export function createKvCache(
  session: Session,
  config: ModelConfig,
  name: string,
  slots: number,
  time: number,
): KvCache {
  const shape = [slots * config.numKeyValueHeads, time * config.headDim];
  const layers = Array.from({ length: config.numHiddenLayers }, (_, layer) => ({
    k: session.variable(`${name}.${layer}.k`, { shape, dtype: 'float32' }),
    v: session.variable(`${name}.${layer}.v`, { shape, dtype: 'float32' }),
  }));
  return { slots, time, layers };
}

/**
 * Attention of one new token a slot over its cached sequence; the token's key and value are put into the cache first.
 * Costs 2 * slots * heads * time * headDim multiply-adds a layer, whatever the positions.
 *
 * @param positions [slots] int32 place of each slot's new token
 */
export function stepAttention(config: ModelConfig, cache: KvCache, positions: Tensor1D): Attend {
  const { numAttentionHeads: heads, numKeyValueHeads: kvHeads, headDim } = config;
  const { slots, time } = cache;
  requireFixedAngles(config, time);
  const places = tf.range(0, time, 1, 'int32');
  const maskOf = attentionMasks(config, tf.reshape(positions, [slots, 1, 1]), tf.reshape(places, [1, 1, time]));
  const firstRows = tf.mul(tf.range(0, slots * kvHeads, 1, 'int32'), tf.scalar(time, 'int32'));
  const rows = tf.reshape(tf.add(tf.reshape(firstRows, [slots, kvHeads]), tf.reshape(positions, [slots, 1])), [-1]);
  const put = (variable: Variable, x: Tensor3D): Tensor3D =>
    tf.reshape(variable.updateRows(rows, tf.reshape(x, [slots * kvHeads, headDim])), [slots * kvHeads, time, headDim]);
  return (layer, q, k, v) => {
    const keys = put(layerOf(cache, layer).k, k);
    const values = put(layerOf(cache, layer).v, v);
    const queries = tf.reshape(tf.mul(q, headDim ** -0.5), [slots * kvHeads, heads / kvHeads, headDim]);
    const scores = tf.reshape(tf.matMul(queries, keys, false, true), [slots, heads, time]);
    const weights = tf.reshape(tf.softmax(tf.add(scores, maskOf(layer))), [slots * kvHeads, heads / kvHeads, time]);
    return tf.reshape(tf.matMul(weights, values), [slots, heads * headDim]);
  };
}

/**
 * Attention of a run of new tokens over the cached sequences of some slots, each token seeing those before it; their keys and
 * values are put into the cache first. Costs 2 * rows * heads * time * headDim multiply-adds a layer.
 *
 * A run shorter than `length` repeats its last token at the same position, which writes and computes the same again; so may a
 * slot come twice with the same tokens.
 *
 * @param slots     [n] int32
 * @param positions [n * length] int32 place of each token in its slot's sequence
 */
export function runAttention(config: ModelConfig, cache: KvCache, slots: Tensor1D, positions: Tensor1D): Attend {
  const { numAttentionHeads: heads, numKeyValueHeads: kvHeads, headDim } = config;
  const { time } = cache;
  requireFixedAngles(config, time);
  const n = slots.shape[0];
  const length = positions.shape[0] / n;
  const group = heads / kvHeads;
  const places = tf.range(0, time, 1, 'int32');
  const maskOf = attentionMasks(config, tf.reshape(positions, [n, 1, length, 1]), tf.reshape(places, [1, 1, 1, time]));
  const sequences = headRows(slots, kvHeads);
  const firstRows = tf.mul(tf.reshape(sequences, [n, 1, kvHeads]), tf.scalar(time, 'int32'));
  const rows = tf.reshape(tf.add(firstRows, tf.reshape(positions, [n, length, 1])), [-1]);
  const put = (variable: Variable, x: Tensor3D): Tensor3D => {
    const whole = variable.updateRows(rows, tf.reshape(x, [n * length * kvHeads, headDim]));
    return tf.reshape(tf.gather(whole, sequences), [n * kvHeads, time, headDim]);
  };
  return (layer, q, k, v) => {
    const keys = put(layerOf(cache, layer).k, k);
    const values = put(layerOf(cache, layer).v, v);
    const byHead = tf.transpose(tf.reshape(tf.mul(q, headDim ** -0.5), [n, length, heads, headDim]), [0, 2, 1, 3]);
    const queries = tf.reshape(byHead, [n * kvHeads, group * length, headDim]);
    const scores = tf.reshape(tf.matMul(queries, keys, false, true), [n, heads, length, time]);
    const weights = tf.reshape(tf.softmax(tf.add(scores, maskOf(layer))), [n * kvHeads, group * length, time]);
    const mixed = tf.reshape(tf.matMul(weights, values), [n, heads, length, headDim]);
    return tf.reshape(tf.transpose(mixed, [0, 2, 1, 3]), [n * length, heads * headDim]);
  };
}

/** Copies whole sequences from one cache to another of the same time, `from[i]` of the source to `to[i]`; both [n] int32. */
export function copySlots(config: ModelConfig, source: KvCache, target: KvCache, from: Tensor1D, to: Tensor1D): void {
  const fromRows = headRows(from, config.numKeyValueHeads);
  const toRows = headRows(to, config.numKeyValueHeads);
  for (const [layer, { k, v }] of target.layers.entries()) {
    k.updateRows(toRows, tf.gather(layerOf(source, layer).k.read(), fromRows));
    v.updateRows(toRows, tf.gather(layerOf(source, layer).v.read(), fromRows));
  }
}

/** The cache rows of slots, a row for each of their key/value heads: [n] to [n * kvHeads]. */
function headRows(slots: Tensor1D, kvHeads: number): Tensor1D {
  const first = tf.mul(tf.reshape(slots, [-1, 1]), tf.scalar(kvHeads, 'int32'));
  return tf.reshape(tf.add(first, tf.range(0, kvHeads, 1, 'int32')), [-1]);
}

function layerOf(cache: KvCache, layer: number): { readonly k: Variable; readonly v: Variable } {
  return cache.layers[layer] as { readonly k: Variable; readonly v: Variable };
}
