import type { Tensor, Tensor1D, Tensor2D, Tensor3D } from '@tensorflow/tfjs-core';
import { after } from '../tensor/after.ts';
import { tf } from '../tensor/tf.ts';
import type { ModelConfig } from './config.ts';
import { attentionMask } from './decoder.ts';
import type { Attend } from './parameters.ts';
import { requireFixedAngles } from './rope.ts';

/** Queries of a block at most. Smaller blocks compute less of what is hidden anyway, larger ones have larger matrix products. */
const BLOCK = 256;

/** Queries [from, to) and the keys that they see, [firstKey, to). */
interface Block {
  readonly from: number;
  readonly to: number;
  readonly firstKey: number;
  /** Added to the scores; broadcasts to [batch, heads, queries, keys]. */
  readonly mask: Tensor;
  /** The attention weights, where the way there has kept them. */
  readonly weights?: Tensor | undefined;
}

/** All of a layer by heads: queries [batch * kvHeads, group, time, headDim], the others [batch * kvHeads, time, headDim]. */
interface Heads {
  readonly queries: Tensor;
  readonly keys: Tensor;
  readonly values: Tensor;
}

/**
 * Attention within whole sequences: each token sees itself and what is before it, in a layer with a window only the nearest of them, so
 * padding on the right changes nothing on its left. Keys and values are not repeated for their group of query heads.
 *
 * Long sequences are computed in blocks of queries, each with the keys that it sees, one block after the other: about
 * batch * heads * time^2 * headDim multiply-adds, and memory for the scores of one block. The way back computes a block's attention
 * weights anew. Where one block holds the whole sequence they are kept.
 *
 * Call it inside the program that uses it: the masks are made here, once for all layers.
 *
 * @param batch     rows are batch * time, sequence by sequence
 * @param time      padded length of a sequence
 * @param positions [batch * time] int32 where several sequences stand one behind the other in each `time`: place of each token in its
 *   own, which is all that it sees. Default: one sequence each
 * @throws CftError UnsupportedModel for a time at which the model's rotary embedding changes
 */
export function causalAttention(config: ModelConfig, batch: number, time: number, positions?: Tensor1D): Attend {
  requireFixedAngles(config, time);
  const { numAttentionHeads, numKeyValueHeads: kvHeads, headDim } = config;
  const windows = [...new Set(config.attentionWindows)];
  const places = tf.range(0, time, 1, 'int32');
  const starts = positions === undefined ? undefined : tf.sub(places, tf.reshape(positions, [batch, time]));
  const blocks = new Map(windows.map((window) => [window, blocksOf(window, places, starts)]));
  /** [batch * time, heads, width] to [batch * kvHeads, heads / kvHeads, time, width], and back. */
  const byHead = (x: Tensor, heads: number) =>
    tf.reshape(tf.transpose(tf.reshape(x, [batch, time, heads, -1]), [0, 2, 1, 3]), [
      ...[batch * kvHeads, heads / kvHeads, time, -1],
    ]);
  const byRow = (x: Tensor, heads: number) =>
    tf.reshape(tf.transpose(tf.reshape(x, [batch, heads, time, -1]), [0, 2, 1, 3]), [batch * time, heads, -1]);
  const headsOf = (q: Tensor, k: Tensor, v: Tensor): Heads => ({
    queries: byHead(tf.mul(q, headDim ** -0.5), numAttentionHeads),
    keys: tf.squeeze(byHead(k, kvHeads), [1]),
    values: tf.squeeze(byHead(v, kvHeads), [1]),
  });

  return (layer, q, k, v) => {
    const ofLayer = blocks.get(config.attentionWindows[layer]) as Block[];
    const op = tf.customGrad((...args) => {
      const [q, k, v, save] = args as unknown as [Tensor3D, Tensor3D, Tensor3D, (tensors: Tensor[]) => void];
      const { mixed, weights } = attend(headsOf(q, k, v), ofLayer, batch);
      const value = byRow(mixed, numAttentionHeads);
      const whole = ofLayer.length === 1;
      save([q, k, v, value, ...(whole ? weights : ofLayer.map(({ mask }) => mask))]);
      const gradFunc = (dy: Tensor, saved: Tensor[]) => {
        const [q, k, v, value, ...rest] = saved as [Tensor, Tensor, Tensor, Tensor, ...Tensor[]];
        const kept = ofLayer.map((block, index) => ({ ...block, [whole ? 'weights' : 'mask']: rest[index] }));
        const late = (x: Tensor) => (whole ? x : after(x, dy));
        // What the softmax takes from the gradient of a query's weights is their product with them, which is this one.
        const shares = byHead(tf.sum(tf.mul(dy, value), -1), numAttentionHeads);
        const heads = headsOf(late(q), late(k), late(v));
        const gradients = attendBack(heads, kept, batch, byHead(dy, numAttentionHeads), shares);
        return [
          tf.mul(byRow(gradients.queries, numAttentionHeads), headDim ** -0.5),
          byRow(gradients.keys, kvHeads),
          byRow(gradients.values, kvHeads),
        ];
      };
      return { value, gradFunc };
    });
    return tf.reshape(op(q, k, v), [batch * time, numAttentionHeads * headDim]) as Tensor2D;
  };
}

/**
 * As few blocks as there can be, of like size.
 *
 * @param places [time] 0, 1, ...
 * @param starts [batch, time] where the sequence of each token begins, if there may be several
 */
function blocksOf(window: number | undefined, places: Tensor, starts: Tensor | undefined): Block[] {
  const time = places.size;
  const count = Math.ceil(time / BLOCK);
  const size = Math.ceil(time / count);
  return Array.from({ length: count }, (_, index) => {
    const [from, to] = [index * size, Math.min(time, (index + 1) * size)];
    const firstKey = window === undefined ? 0 : Math.max(0, from - window + 1);
    const part = (first: number, shape: number[]) => tf.reshape(tf.slice(places, first, to - first), shape);
    const startsOf = (all: Tensor, first: number, shape: number[]) =>
      tf.reshape(tf.slice(all, [0, first], [-1, to - first]), shape);
    const apart =
      starts &&
      tf.notEqual(startsOf(starts, from, [-1, 1, to - from, 1]), startsOf(starts, firstKey, [-1, 1, 1, to - firstKey]));
    return { from, to, firstKey, mask: attentionMask(window, part(from, [-1, 1]), part(firstKey, [1, -1]), apart) };
  });
}

/** Values mixed by the attention weights [batch * kvHeads, group, time, headDim], and the weights of each block. */
function attend(heads: Heads, blocks: readonly Block[], batch: number): { mixed: Tensor; weights: Tensor[] } {
  const parts: Tensor[] = [];
  const all: Tensor[] = [];
  for (const block of blocks) {
    const { queries, keys, values } = partOf(heads, block, parts.slice(-1));
    const weights = attentionWeights(queries, keys, block.mask, batch);
    const part = tf.matMul(weights, values);
    parts.push(tf.reshape(part, [...heads.queries.shape.slice(0, 2), block.to - block.from, -1]));
    all.push(weights);
  }
  return { mixed: tf.concat(parts, 2), weights: all };
}

/**
 * The gradients of queries, keys and values from that of the mixed values.
 *
 * @param dMixed [batch * kvHeads, group, time, headDim]
 * @param shares [batch * kvHeads, group, time, 1] sum over headDim of mixed values times their gradient
 */
function attendBack(heads: Heads, blocks: readonly Block[], batch: number, dMixed: Tensor, shares: Tensor): Heads {
  const dQueries: Tensor[] = [];
  let [dKeys, dValues]: (Tensor | undefined)[] = [];
  for (const block of blocks) {
    const before = [dKeys, dValues, dQueries.at(-1)].filter((x) => x !== undefined);
    const { queries, keys, values } = partOf(heads, block, before);
    const weights = block.weights ?? attentionWeights(queries, keys, block.mask, batch);
    const dPart = queriesOf(dMixed, block);
    const dWeights = tf.sub(tf.matMul(dPart, values, false, true), queriesOf(shares, block));
    const dScores = tf.mul(weights, dWeights);
    const dQuery = tf.matMul(dScores, keys);
    dQueries.push(tf.reshape(dQuery, [...heads.queries.shape.slice(0, 2), block.to - block.from, -1]));
    dKeys = added(dKeys, tf.matMul(dScores, queries, true, false), block, heads.keys);
    dValues = added(dValues, tf.matMul(weights, dPart, true, false), block, heads.values);
  }
  return { queries: tf.concat(dQueries, 2), keys: dKeys as Tensor, values: dValues as Tensor };
}

/** What a block needs, queries as [batch * kvHeads, group * queries, headDim], to be computed once others are there. */
function partOf({ queries, keys, values }: Heads, block: Block, before: readonly Tensor[]): Heads {
  const keysOf = (x: Tensor) => tf.slice(x, [0, block.firstKey, 0], [-1, block.to - block.firstKey, -1]);
  return { queries: queriesOf(after(queries, ...before), block), keys: keysOf(keys), values: keysOf(values) };
}

/** [n, group, time, width] to [n, group * queries, width]. */
function queriesOf(x: Tensor, { from, to }: Block): Tensor {
  const [n = 1, , , width = 1] = x.shape;
  return tf.reshape(tf.slice(x, [0, 0, from, 0], [-1, -1, to - from, -1]), [n, -1, width]);
}

/** [batch * kvHeads, group * queries, keys] */
function attentionWeights(queries: Tensor, keys: Tensor, mask: Tensor, batch: number): Tensor {
  const scores = tf.matMul(queries, keys, false, true);
  const [seen, shown] = mask.shape.slice(-2) as [number, number];
  return tf.reshape(tf.softmax(tf.add(tf.reshape(scores, [batch, -1, seen, shown]), mask)), scores.shape);
}

/** A sum over blocks of gradients of keys or values, each where its block's keys are in `all`. */
function added(sum: Tensor | undefined, part: Tensor, { firstKey, to }: Block, all: Tensor): Tensor {
  const behind = (all.shape[1] as number) - to;
  const whole =
    firstKey === 0 && behind === 0
      ? part
      : tf.pad(part, [
          [0, 0],
          [firstKey, behind],
          [0, 0],
        ]);
  return sum === undefined ? whole : tf.add(sum, whole);
}
