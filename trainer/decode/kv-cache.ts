import type { Tensor, Tensor1D, Tensor2D, Tensor3D } from '@tensorflow/tfjs-core';
import type { ModelConfig } from '../model/config.ts';
import { attentionMasks } from '../model/decoder.ts';
import type { Attend } from '../model/parameters.ts';
import type { Session, Variable } from '../tensor/session.ts';
import { tf } from '../tensor/tf.ts';

/** Tokens of a block, unless a cache has others: what attention looks at is a whole number of them. */
export const BLOCK = 128;

/**
 * Keys and values of `slots` sequences of up to `blocks * block` tokens, one pair of session variables a layer. A variable has a row for each
 * block of each head of each slot, [blocks * slots * kvHeads, block * headDim], the first blocks of all slots before the second ones:
 * looking at the first few blocks only, while all sequences are short, needs no copy. Nothing is cleared between
 * sequences: a query sees only places up to its own position, which its sequence has written.
 */
export interface KvCache {
  readonly slots: number;
  readonly blocks: number;
  /** Tokens of a block. */
  readonly block: number;
  /** So many slots lie together: the first heads of all of them before the second ones. */
  readonly group: number;
  readonly layers: readonly { readonly k: Variable; readonly v: Variable }[];
}

/** Declares the cache's variables in the session: 2 * layers * slots * blocks * block * kvHeads * headDim floats. */
export function createKvCache(
  session: Session,
  config: ModelConfig,
  name: string,
  { slots, blocks, block = BLOCK, group = 1 }: { slots: number; blocks: number; block?: number; group?: number },
): KvCache {
  const shape = [blocks * slots * config.numKeyValueHeads, block * config.headDim];
  const layers = Array.from({ length: config.numHiddenLayers }, (_, layer) => ({
    k: session.variable(`${name}.${layer}.k`, { shape, dtype: 'float32' }),
    v: session.variable(`${name}.${layer}.v`, { shape, dtype: 'float32' }),
  }));
  return { slots, blocks, block, group, layers };
}

/**
 * Attention of one new token a slot over the first `reach` blocks of its cached sequence; the token's key and value are put into the cache
 * first. Costs 2 * slots * heads * reach * BLOCK * headDim multiply-adds a layer. Of a slot whose token lies beyond the reach the result
 * means nothing; feed it the same token again later.
 *
 * @param positions [slots] int32 place of each slot's new token
 */
export function stepAttention(config: ModelConfig, cache: KvCache, positions: Tensor1D, reach: number): Attend {
  const { numKeyValueHeads: kvHeads, headDim } = config;
  const { slots } = cache;
  const sequences = slots * kvHeads;
  const rows = tokenRows(cache, kvHeads, tf.range(0, slots, 1, 'int32'), positions);
  const masks = blockMasks(config, reach, tf.reshape(positions, [slots, 1, 1, 1]));
  const put = (variable: Variable, x: Tensor3D): Tensor3D[] =>
    blocksOf(variable.updateRows(rows, tf.reshape(x, [sequences, headDim])), reach, cache, headDim);
  return (layer, q, k, v) => {
    const { k: keys, v: values } = layerOf(cache, layer);
    return attendBlocks(config, slots, q, put(keys, k), put(values, v), masks(layer));
  };
}

/**
 * Attention of a run of new tokens over the first `reach` blocks of the cached sequences of some slots, each token seeing those before it; their
 * keys and values are put into the cache first. Costs 2 * rows * heads * reach * BLOCK * headDim multiply-adds a layer.
 *
 * A run shorter than `length` repeats its last token at the same position, which writes and computes the same again; so may a
 * slot come twice with the same tokens.
 *
 * @param slots     [n] int32
 * @param positions [n * length] int32 place of each token in its slot's sequence, all within the reach
 */
export function runAttention(
  config: ModelConfig,
  cache: KvCache,
  slots: Tensor1D,
  positions: Tensor1D,
  reach: number,
): Attend {
  const { numKeyValueHeads: kvHeads, headDim } = config;
  const n = slots.shape[0];
  const length = positions.shape[0] / n;
  const rows = tokenRows(cache, kvHeads, eachRepeated(slots, length), positions);
  const sequences = range(reach).map((block) => blockRows(cache, kvHeads, slots, block));
  const masks = blockMasks(config, reach, tf.reshape(positions, [n, 1, length, 1]));
  const put = (variable: Variable, x: Tensor3D): Tensor3D[] => {
    const whole = variable.updateRows(rows, tf.reshape(x, [n * length * kvHeads, headDim]));
    return sequences.map((own) => tf.reshape(tf.gather(whole, own), [n * kvHeads, BLOCK, headDim]));
  };
  return (layer, q, k, v) => {
    const { k: keys, v: values } = layerOf(cache, layer);
    return attendBlocks(config, n, q, put(keys, k), put(values, v), masks(layer));
  };
}

/**
 * Softmax attention over keys and values in blocks. Blocks in which a query sees nothing change no bit of its result: they add zeros, in
 * order, to the sums of those before.
 *
 * @param q      [n * length, heads, headDim], sequence by sequence
 * @param keys   a block each: [n * kvHeads, BLOCK, headDim]
 * @param values as keys
 * @param masks  a block each: broadcasts to [n, heads, length, BLOCK]
 * @returns [n * length, heads * headDim]
 */
function attendBlocks(
  { numAttentionHeads: heads, numKeyValueHeads: kvHeads, headDim }: ModelConfig,
  n: number,
  q: Tensor3D,
  keys: readonly Tensor3D[],
  values: readonly Tensor3D[],
  masks: readonly Tensor[],
): Tensor2D {
  const length = q.shape[0] / n;
  const rows = (heads / kvHeads) * length;
  const scaled = tf.mul(q, headDim ** -0.5);
  const byHead = length === 1 ? scaled : tf.transpose(tf.reshape(scaled, [n, length, heads, headDim]), [0, 2, 1, 3]);
  const queries = tf.reshape(byHead, [n * kvHeads, rows, headDim]) as Tensor3D;
  const scores = keys.map((block, b) =>
    tf.add(tf.reshape(tf.matMul(queries, block, false, true), [n, heads, length, BLOCK]), masks[b] as Tensor),
  );
  const weights = tf.reshape(tf.softmax(tf.concat(scores, 3)), [n * kvHeads, rows, keys.length * BLOCK]);
  const mixed = tf
    .split(weights, keys.length, 2)
    .map((block, b) => tf.matMul(block, values[b] as Tensor3D) as Tensor)
    .reduce((a, b) => tf.add(a, b));
  const weighted = tf.reshape(mixed, [n, heads, length, headDim]);
  const ordered = length === 1 ? weighted : tf.transpose(weighted, [0, 2, 1, 3]);
  return tf.reshape(ordered, [n * length, heads * headDim]);
}

/** What each layer adds to the scores of each block, for queries at places of the shape [n, 1, length, 1]. */
function blockMasks(config: ModelConfig, reach: number, positions: Tensor): (layer: number) => Tensor[] {
  const blocks = range(reach).map((block) => {
    const places = tf.range(block * BLOCK, (block + 1) * BLOCK, 1, 'int32');
    return attentionMasks(config, positions, tf.reshape(places, [1, 1, 1, BLOCK]));
  });
  return (layer) => blocks.map((maskOf) => maskOf(layer));
}

/** Each slot so many times in a row: [n] to [n * times]. */
export function eachRepeated(slots: Tensor1D, times: number): Tensor1D {
  return tf.reshape(tf.tile(tf.reshape(slots, [-1, 1]), [1, times]), [-1]);
}

/** Where a token of a slot is kept, a row of headDim for each key/value head: slots and positions [n] to [n * kvHeads]. */
export function tokenRows(cache: KvCache, kvHeads: number, slots: Tensor1D, positions: Tensor1D): Tensor1D {
  const int = (value: number) => tf.scalar(value, 'int32');
  const within = (x: Tensor, size: number) => {
    const whole = tf.floorDiv(x, int(size));
    return [whole, tf.sub(x, tf.mul(whole, int(size)))] as const;
  };
  const [block, place] = within(positions, cache.block);
  const [group, member] = cache.group === 1 ? [slots, int(0)] : within(slots, cache.group);
  const firstHead = tf.add(
    tf.add(tf.mul(block, int(cache.slots * kvHeads)), tf.mul(group, int(kvHeads * cache.group))),
    member,
  );
  const head = tf.add(tf.reshape(firstHead, [-1, 1]), tf.range(0, kvHeads * cache.group, cache.group, 'int32'));
  return tf.reshape(tf.add(tf.mul(head, int(cache.block)), tf.reshape(place, [-1, 1])), [-1]);
}

/** The first blocks of all slots: [slots * kvHeads, block, headDim] each, without a copy. */
export function blocksOf(whole: Tensor, count: number, { blocks, block }: KvCache, headDim: number): Tensor3D[] {
  const rows = (whole.shape[0] as number) / blocks;
  return range(count).map((i) =>
    tf.reshape(tf.slice(whole, [i * rows, 0], [rows, block * headDim]), [rows, block, headDim]),
  );
}

/** The variable's rows that hold a block of slots, one for each of their key/value heads: [n] to [n * kvHeads]. */
function blockRows({ slots: all }: KvCache, kvHeads: number, slots: Tensor1D, block: number): Tensor1D {
  const first = tf.mul(tf.reshape(slots, [-1, 1]), tf.scalar(kvHeads, 'int32'));
  const start = block * all * kvHeads;
  return tf.reshape(tf.add(first, tf.range(start, start + kvHeads, 1, 'int32')), [-1]);
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}

function layerOf(cache: KvCache, layer: number): { readonly k: Variable; readonly v: Variable } {
  return cache.layers[layer] as { readonly k: Variable; readonly v: Variable };
}
