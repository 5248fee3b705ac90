import type { Tensor, Tensor1D, Tensor2D, Tensor3D } from '@tensorflow/tfjs-core';
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
 * Puts the keys and values of whole sequences into their slots, around the attention that computes them.
 *
 * @param inner  attention over [batch * length] rows, see causalAttention
 * @param slots  [batch] int32; a slot that comes twice must come with the same sequence
 */
export function fillCache(config: ModelConfig, cache: KvCache, inner: Attend, slots: Tensor1D, length: number): Attend {
  const { numKeyValueHeads: kvHeads, headDim } = config;
  const batch = slots.shape[0];
  const heads = tf.range(0, kvHeads, 1, 'int32');
  const rows = tf.reshape(
    tf.add(tf.mul(tf.reshape(slots, [batch, 1]), tf.scalar(kvHeads, 'int32')), tf.reshape(heads, [1, kvHeads])),
    [-1],
  );
  const rest = tf.zeros([batch * kvHeads, (cache.time - length) * headDim]);
  const put = (variable: Variable, x: Tensor3D): void => {
    const byHead = tf.transpose(tf.reshape(x, [batch, length, kvHeads, headDim]), [0, 2, 1, 3]);
    const sequences = tf.reshape(byHead, [batch * kvHeads, length * headDim]) as Tensor2D;
    variable.updateRows(rows, cache.time === length ? sequences : tf.concat([sequences, rest], 1));
  };
  return (layer, q, k, v) => {
    put(layerOf(cache, layer).k, k);
    put(layerOf(cache, layer).v, v);
    return inner(layer, q, k, v);
  };
}

/** Copies whole sequences from one cache to another of the same time, `from[i]` of the source to `to[i]`; both [n] int32. */
export function copySlots(config: ModelConfig, source: KvCache, target: KvCache, from: Tensor1D, to: Tensor1D): void {
  const heads = tf.range(0, config.numKeyValueHeads, 1, 'int32');
  const rowsOf = (slots: Tensor): Tensor1D =>
    tf.reshape(
      tf.add(
        tf.mul(tf.reshape(slots, [-1, 1]), tf.scalar(config.numKeyValueHeads, 'int32')),
        tf.reshape(heads, [1, -1]),
      ),
      [-1],
    );
  const [fromRows, toRows] = [rowsOf(from), rowsOf(to)];
  for (const [layer, { k, v }] of target.layers.entries()) {
    k.updateRows(toRows, tf.gather(layerOf(source, layer).k.read(), fromRows));
    v.updateRows(toRows, tf.gather(layerOf(source, layer).v.read(), fromRows));
  }
}

function layerOf(cache: KvCache, layer: number): { readonly k: Variable; readonly v: Variable } {
  return cache.layers[layer] as { readonly k: Variable; readonly v: Variable };
}
