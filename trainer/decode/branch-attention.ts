import type { Tensor, Tensor1D, Tensor3D } from '@tensorflow/tfjs-core';
import type { ModelConfig } from '../model/config.ts';
import { attentionMasks } from '../model/decoder.ts';
import type { Attend } from '../model/parameters.ts';
import type { Variable } from '../tensor/session.ts';
import { tf } from '../tensor/tf.ts';
import { blocksOf, eachRepeated, type KvCache, tokenRows } from './kv-cache.ts';

/** Blocks that a step looks at: of the origins, and of what their branches have of their own. */
export interface BranchReach {
  readonly origin: number;
  readonly branch: number;
}

export interface Branches {
  /** A slot for each group of the branches' slots. */
  readonly origins: KvCache;
  /** Of the branches' own tokens, the first at place 0. */
  readonly branches: KvCache;
  /** [slots * run] int32 tokens that the branch of each new token has in common with its group's origin. */
  readonly starts: Tensor1D;
  /** [slots * run] int32 place of each new token in its whole sequence, slot by slot. */
  readonly positions: Tensor1D;
}

/** A place that no query has reached. */
const NOWHERE = 2 ** 30;

/**
 * Attention of a run of new tokens a slot over the part of its origin that it shares and over its branch's own tokens, into which they are
 * put first; each token sees those before it. The keys and values of an origin are read once for all branches of its group, as one matrix
 * product, and are not copied. Costs 2 * slots * run * heads * headDim * (tokens within the reach) multiply-adds a layer.
 *
 * A shorter run repeats its last token at the same place, which writes and computes the same again.
 */
export function branchAttention(
  config: ModelConfig,
  { origins, branches, starts, positions }: Branches,
  reach: BranchReach,
): Attend {
  const { numAttentionHeads: heads, numKeyValueHeads: kvHeads, headDim } = config;
  const { slots, group: width } = branches;
  const groups = slots / width;
  const sharing = heads / kvHeads;
  const run = positions.shape[0] / slots;
  const alone = [slots * kvHeads, run * sharing, -1];
  const together = [groups * kvHeads, width * run * sharing, -1];
  const rows = tokenRows(branches, kvHeads, branchSlots(branches, run), tf.sub(positions, starts));
  const put = (variable: Variable, x: Tensor3D) =>
    blocksOf(
      variable.updateRows(rows, tf.reshape(x, [slots * run * kvHeads, headDim])),
      reach.branch,
      branches,
      headDim,
    );
  const sizes = [...repeat(origins.block, reach.origin), ...repeat(branches.block, reach.branch)];
  const masks = branchMasks(config, { origins, branches, starts, positions }, reach);
  return (layer, q, k, v) => {
    const [origin, own] = [origins, branches].map(({ layers }) => layers[layer]) as [Layer, Layer];
    // Slots of a group lie together by head, so that their queries are a matrix for the keys that they share.
    const byToken = tf.reshape(tf.mul(q, headDim ** -0.5), [groups, width * run, kvHeads, -1]);
    const queries = tf.transpose(byToken, [0, 2, 1, 3]);
    const keys = [...blocksOf(origin.k.read(), reach.origin, origins, headDim), ...put(own.k, k)];
    const values = [...blocksOf(origin.v.read(), reach.origin, origins, headDim), ...put(own.v, v)];
    const shapeOf = (block: number) => (block < reach.origin ? together : alone);
    const scores = keys.map((of, block) =>
      tf.reshape(tf.matMul(tf.reshape(queries, shapeOf(block)), of, false, true), [
        groups,
        kvHeads,
        width * run,
        sharing,
        -1,
      ]),
    );
    const weights = tf.split(tf.softmax(tf.add(tf.concat(scores, 4), masks(layer))), sizes, 4);
    const mixed = weights
      .map((of, block) => tf.matMul(tf.reshape(of, shapeOf(block)), values[block] as Tensor))
      .map((of) => tf.reshape(of, [groups, kvHeads, width * run, -1]))
      .reduce((a, b) => tf.add(a, b));
    return tf.reshape(tf.transpose(mixed, [0, 2, 1, 3]), [slots * run, heads * headDim]);
  };
}

/** The slot of each of the new tokens: [slots * run] int32. */
export function branchSlots({ slots }: KvCache, run: number): Tensor1D {
  return eachRepeated(tf.range(0, slots, 1, 'int32'), run);
}

type Layer = KvCache['layers'][number];

/** What each layer adds to its scores: [groups, 1, width * run, 1, places within the reach]. */
function branchMasks(
  config: ModelConfig,
  { origins, branches, starts, positions }: Branches,
  reach: BranchReach,
): (layer: number) => Tensor {
  const byToken = (x: Tensor) => tf.reshape(x, [branches.slots / branches.group, 1, -1, 1, 1]);
  const places = (count: number) => tf.reshape(tf.range(0, count, 1, 'int32'), [1, 1, 1, 1, count]);
  const shared = places(reach.origin * origins.block);
  const keys = tf.concat(
    [
      tf.where(tf.less(shared, byToken(starts)), shared, tf.scalar(NOWHERE, 'int32')),
      tf.add(places(reach.branch * branches.block), byToken(starts)),
    ],
    4,
  );
  return attentionMasks(config, byToken(positions), keys);
}

function repeat(size: number, count: number): number[] {
  return Array.from({ length: count }, () => size);
}
