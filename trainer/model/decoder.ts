/**
 * The decoder: embeddings, then layers of grouped-query attention with rotary embeddings and gated MLPs, each with an RMSNorm before
 * or after it and its residual, then a final RMSNorm and the language-model head. What differs between families is in ModelConfig.
 *
 * Everything is a pure function of tfjs tensors, so the same code runs eagerly, compiled in a session, and under tf.grads.
 * Rows are tokens: there is no batch axis outside attention.
 */
import type { Tensor, Tensor1D, Tensor2D, Tensor3D } from '@tensorflow/tfjs-core';
import { differentiable, kernels } from '../tensor/kernels.ts';
import { tf } from '../tensor/tf.ts';
import { gated } from './activations.ts';
import type { ModelConfig } from './config.ts';
import type { Attend, Parameters } from './parameters.ts';
import { type Rotary, rope, rotaryTable } from './rope.ts';
import { LAYER_NORMS } from './weights.ts';

/** Added to scores that must not count: large enough that their softmax is exactly 0, finite so that it is never NaN. */
const MASKED = -1e9;

/**
 * Final hidden states. Costs 2 * rows * (weights of the layers) multiply-adds, plus the attention.
 *
 * @param ids       [rows] int32 token ids
 * @param positions [rows] int32 place of each token in its sequence, from 0
 * @param attend    what each row may look at; see causalAttention
 * @returns [rows, hiddenSize] after the final norm
 */
export function decoderHidden(
  config: ModelConfig,
  p: Parameters,
  ids: Tensor1D,
  positions: Tensor1D,
  attend: Attend,
): Tensor2D {
  const { embed, layers, norm } = decoderParts(config, ids, positions, attend);
  return norm(
    p,
    layers.reduce((hidden, layer) => layer(p, hidden), embed(p)),
  );
}

/** What decoderHidden does, one after the other, for those who look in between. Hidden states are [rows, hiddenSize]. */
export interface DecoderParts {
  embed(p: Parameters): Tensor2D;
  readonly layers: readonly ((p: Parameters, hidden: Tensor2D) => Tensor2D)[];
  norm(p: Parameters, hidden: Tensor2D): Tensor2D;
}

/**
 * See decoderHidden. Call it inside the program that uses it: the rotary table is made here, once for all layers.
 *
 * @param wanted [n] int32 the rows that the last layer puts out, where others need no more of it than keys and values. Default: all
 */
export function decoderParts(
  config: ModelConfig,
  ids: Tensor1D,
  positions: Tensor1D,
  attend: Attend,
  wanted?: Tensor1D,
): DecoderParts {
  const rotary = rotaryTable(config, positions);
  const normed = (p: Parameters, name: string, x: Tensor2D) =>
    rmsNorm(x, p.tensor(`${name}.weight`) as Tensor1D, config.rmsNormEps);
  const [attentionNorm, mlpNorm] = LAYER_NORMS[config.normPlacement];
  const layers = Array.from({ length: config.numHiddenLayers }, (_, layer) => (p: Parameters, hidden: Tensor2D) => {
    const name = `model.layers.${layer}`;
    const isLast = layer === config.numHiddenLayers - 1;
    const take = (x: Tensor2D) => (isLast && wanted !== undefined ? gatherRows(x, wanted) : x);
    const sublayer = (x: Tensor2D, norm: string, compute: (x: Tensor2D) => Tensor2D): Tensor2D => {
      const scale = (y: Tensor2D) => normed(p, `${name}.${norm}`, y);
      return config.normPlacement === 'before' ? compute(scale(x)) : scale(compute(x));
    };
    const attention = (x: Tensor2D) =>
      p.linear(`${name}.self_attn.o_proj`, take(mixedValues(config, p, layer, x, rotary, attend)));
    const attended: Tensor2D = tf.add(take(hidden), sublayer(hidden, attentionNorm, attention));
    const added = sublayer(attended, mlpNorm, (x) => mlp(config, p, `${name}.mlp`, x));
    return tf.add(attended, added) as Tensor2D;
  });
  return {
    embed: (p) => gatherRows(p.tensor('model.embed_tokens.weight') as Tensor2D, ids),
    layers,
    norm: (p, hidden) => normed(p, 'model.norm', hidden),
  };
}

/**
 * Logits. Costs rows * hiddenSize * vocabSize multiply-adds, often more than a layer: pass only the rows that are needed.
 *
 * @param hidden [rows, hiddenSize] of decoderHidden
 * @returns [rows, vocabSize]
 */
export function lmHead(config: ModelConfig, p: Parameters, hidden: Tensor2D): Tensor2D {
  if (!config.tieWordEmbeddings) return p.linear('lm_head', hidden);
  return tf.matMul(hidden, p.tensor('model.embed_tokens.weight') as Tensor2D, false, true);
}

/**
 * What each layer adds to its scores, so that a query sees its own place and those before it, in a layer with a window only the nearest.
 * Layers of the same window share a mask.
 *
 * @param queries int32 places of the queries
 * @param keys    int32 places of the keys, in a shape that broadcasts with that of the queries
 * @returns for a layer, floats of the broadcast shape
 */
export function attentionMasks(config: ModelConfig, queries: Tensor, keys: Tensor): (layer: number) => Tensor {
  const masks = new Map(
    [...new Set(config.attentionWindows)].map((window) => [window, attentionMask(window, queries, keys)]),
  );
  return (layer) => masks.get(config.attentionWindows[layer]) as Tensor;
}

/**
 * What is added to scores, so that a query sees its own place and those before it, with a window only the nearest.
 *
 * @param apart bool, in a shape that broadcasts with the others: what does not see each other for another reason
 */
export function attentionMask(window: number | undefined, queries: Tensor, keys: Tensor, apart?: Tensor): Tensor {
  let hidden: Tensor = tf.greater(keys, queries);
  if (window !== undefined) {
    const passed = tf.lessEqual(keys, tf.sub(queries, tf.scalar(window, 'int32')));
    hidden = tf.logicalOr(hidden, passed);
  }
  if (apart !== undefined) hidden = tf.logicalOr(hidden, apart);
  return tf.mul(tf.cast(hidden, 'float32'), MASKED);
}

/**
 * x / sqrt(mean(x^2) + epsilon) * weight, over the last axis, with its gradient in closed form (fewer and smaller operations than tfjs's chain).
 *
 * @param x      [rows, d]
 * @param weight [d]
 */
export function rmsNorm(x: Tensor2D, weight: Tensor1D, epsilon: number): Tensor2D {
  const run = kernels();
  if (run === undefined) return composedNorm(x, weight, epsilon);
  return differentiable(run, 'CftRmsNorm', { epsilon: { float: epsilon } }, [x, weight]);
}

function composedNorm(x: Tensor2D, weight: Tensor1D, epsilon: number): Tensor2D {
  const op = tf.customGrad((...args) => {
    const [x, weight, save] = args as unknown as [Tensor2D, Tensor1D, (tensors: Tensor[]) => void];
    const inverse = tf.rsqrt(tf.add(tf.mean(tf.square(x), -1, true), epsilon));
    const normed = tf.mul(x, inverse);
    save([normed, inverse, weight]);
    const gradFunc = (dy: Tensor, saved: Tensor[]) => {
      const [normed, inverse, weight] = saved as [Tensor2D, Tensor2D, Tensor1D];
      const scaled = tf.mul(dy, weight);
      const along = tf.mul(normed, tf.mean(tf.mul(scaled, normed), -1, true));
      return [tf.mul(tf.sub(scaled, along), inverse), tf.sum(tf.mul(dy, normed), 0)];
    };
    return { value: tf.mul(normed, weight), gradFunc };
  });
  return op(x, weight) as Tensor2D;
}

/**
 * Some rows of a table, in any order, also repeated. Its gradient adds up what a row got in all its places; unlike that of
 * tf.gather it runs on every backend.
 *
 * @param table [n, d]
 * @param rows  [m] int32
 * @returns     [m, d]
 */
export function gatherRows(table: Tensor2D, rows: Tensor1D): Tensor2D {
  const op = tf.customGrad((...args) => {
    const [table, save] = args as unknown as [Tensor2D, (tensors: Tensor[]) => void];
    save([rows]);
    const gradFunc = (dy: Tensor, [rows]: Tensor[]) =>
      tf.scatterND(tf.reshape(rows as Tensor, [-1, 1]), dy, table.shape);
    return { value: tf.gather(table, rows), gradFunc };
  });
  return op(table) as Tensor2D;
}

/** Grouped-query attention up to what its last projection reads. x: [rows, hiddenSize]; the result: [rows, heads * headDim] */
function mixedValues(
  config: ModelConfig,
  p: Parameters,
  layer: number,
  x: Tensor2D,
  rotary: Rotary,
  attend: Attend,
): Tensor2D {
  const { numAttentionHeads: heads, numKeyValueHeads: kvHeads, headDim } = config;
  const name = `model.layers.${layer}.self_attn`;
  const [queries, keys, values] = config.fusedProjections
    ? splitColumns(p.linear(`${name}.qkv_proj`, x), [heads * headDim, kvHeads * headDim, kvHeads * headDim])
    : ['q_proj', 'k_proj', 'v_proj'].map((part) => p.linear(`${name}.${part}`, x));
  const inHeads = (y: Tensor2D): Tensor3D => tf.reshape(y, [x.shape[0], -1, headDim]);
  const normed = (y: Tensor2D, norm: string): Tensor2D => {
    if (config.queryKeyNorm === 'none') return y;
    const weight = p.tensor(`${name}.${norm}.weight`) as Tensor1D;
    const width = config.queryKeyNorm === 'head' ? headDim : y.shape[1];
    return tf.reshape(rmsNorm(tf.reshape(y, [-1, width]), weight, config.rmsNormEps), y.shape);
  };
  const q = rope(inHeads(normed(queries as Tensor2D, 'q_norm')), rotary);
  const k = rope(inHeads(normed(keys as Tensor2D, 'k_norm')), rotary);
  return attend(layer, q, k, inHeads(values as Tensor2D));
}

/** down(activation(gate(x)) * up(x)); x and the result are [rows, hiddenSize]. */
function mlp(
  { fusedProjections, intermediateSize, activation }: ModelConfig,
  p: Parameters,
  name: string,
  x: Tensor2D,
): Tensor2D {
  const [gate, up] = fusedProjections
    ? splitColumns(p.linear(`${name}.gate_up_proj`, x), [intermediateSize, intermediateSize])
    : [p.linear(`${name}.gate_proj`, x), p.linear(`${name}.up_proj`, x)];
  return p.linear(`${name}.down_proj`, gated(activation, gate as Tensor2D, up as Tensor2D));
}

/** Columns side by side as matrices of their own: [rows, sum of widths] to [rows, width] each. */
function splitColumns(x: Tensor2D, widths: readonly number[]): Tensor2D[] {
  return tf.split(x, [...widths], 1) as Tensor2D[];
}
