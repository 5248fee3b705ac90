/**
 * The decoder: embeddings, then layers of (RMSNorm, grouped-query attention with rotary embeddings, RMSNorm, SwiGLU), each with
 * its residual, then a final RMSNorm and the language-model head. What differs between families is in ModelConfig.
 *
 * Everything is a pure function of tfjs tensors, so the same code runs eagerly, compiled in a session, and under tf.grads.
 * Rows are tokens: there is no batch axis outside attention.
 */
import type { Tensor, Tensor1D, Tensor2D, Tensor3D, Tensor4D } from '@tensorflow/tfjs-core';
import { tf } from '../tensor/tf.ts';
import type { ModelConfig } from './config.ts';
import type { Attend, Parameters } from './parameters.ts';

/** Each row's rotation, both [rows, 1, 2, headDim / 2]: the cosines of its angles twice, and the sines, first negated. */
export interface Rotary {
  readonly cos: Tensor4D;
  readonly sin: Tensor4D;
}

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
  const rotary = rotaryTable(config, positions);
  let hidden = gatherRows(p.tensor('model.embed_tokens.weight') as Tensor2D, ids);
  for (let layer = 0; layer < config.numHiddenLayers; layer++) {
    const name = `model.layers.${layer}`;
    const norm = (suffix: string, x: Tensor2D) =>
      rmsNorm(x, p.tensor(`${name}.${suffix}.weight`) as Tensor1D, config.rmsNormEps);
    hidden = tf.add(hidden, attention(config, p, layer, norm('input_layernorm', hidden), rotary, attend));
    hidden = tf.add(hidden, swiGlu(p, `${name}.mlp`, norm('post_attention_layernorm', hidden)));
  }
  return rmsNorm(hidden, p.tensor('model.norm.weight') as Tensor1D, config.rmsNormEps);
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
 * Attention within whole sequences: each token sees itself and what is before it, so padding on the right changes nothing on
 * its left. Keys and values are not repeated for their group of query heads. Costs 2 * batch * heads * time^2 * headDim
 * multiply-adds and batch * heads * time^2 floats a layer.
 *
 * Call it inside the program that uses it: the mask is made here, once for all layers.
 *
 * @param batch sequences; rows are batch * time, sequence by sequence
 * @param time  padded length of a sequence
 */
export function causalAttention(config: ModelConfig, batch: number, time: number): Attend {
  const { numAttentionHeads: heads, numKeyValueHeads: kvHeads, headDim } = config;
  const group = heads / kvHeads;
  const places = tf.range(0, time, 1, 'float32');
  const later = tf.greater(tf.reshape(places, [1, time]), tf.reshape(places, [time, 1]));
  const mask = tf.mul(tf.cast(later, 'float32'), MASKED);
  const byHead = (x: Tensor3D, count: number) =>
    tf.transpose(tf.reshape(x, [batch, time, count, headDim]), [0, 2, 1, 3]);
  return (_layer, q, k, v) => {
    const queries = tf.reshape(byHead(tf.mul(q, headDim ** -0.5), heads), [batch * kvHeads, group * time, headDim]);
    const keys = tf.reshape(byHead(k, kvHeads), [batch * kvHeads, time, headDim]);
    const values = tf.reshape(byHead(v, kvHeads), [batch * kvHeads, time, headDim]);
    const scores = tf.reshape(tf.matMul(queries, keys, false, true), [batch * heads, time, time]);
    const weights = tf.reshape(tf.softmax(tf.add(scores, mask)), [batch * kvHeads, group * time, time]);
    const mixed = tf.reshape(tf.matMul(weights, values), [batch, heads, time, headDim]);
    return tf.reshape(tf.transpose(mixed, [0, 2, 1, 3]), [batch * time, heads * headDim]);
  };
}

/**
 * Rotary embedding's table (arXiv 2104.09864), computed in fp32 from the positions as transformers does. The same for all layers.
 *
 * @param positions [rows] int32
 */
export function rotaryTable(config: ModelConfig, positions: Tensor1D): Rotary {
  const half = config.headDim / 2;
  const frequencies = Float32Array.from(
    { length: half },
    (_, i) => 1 / Math.fround(config.ropeTheta ** Math.fround((2 * i) / config.headDim)),
  );
  const places = tf.reshape(tf.cast(positions, 'float32'), [positions.shape[0], 1, 1, 1]);
  const angles = tf.mul(places, tf.tensor1d(frequencies)) as Tensor4D;
  const [cos, sin] = [tf.cos(angles), tf.sin(angles)];
  return { cos: tf.concat([cos, cos], 2), sin: tf.concat([tf.neg(sin), sin], 2) };
}

/**
 * Turns each head's vector by its row's angles: x * cos + rotate_half(x) * sin, in transformers' words. Taken as two halves,
 * a vector's rotate_half is the halves swapped, with the sign that the table already holds.
 *
 * @param x [rows, heads, headDim]
 */
export function rope(x: Tensor3D, { cos, sin }: Rotary): Tensor3D {
  const [rows, heads, headDim] = x.shape;
  const halves = tf.reshape(x, [rows, heads, 2, headDim / 2]);
  return tf.reshape(tf.add(tf.mul(halves, cos), tf.mul(tf.reverse(halves, 2), sin)), [rows, heads, headDim]);
}

/**
 * x / sqrt(mean(x^2) + epsilon) * weight, over the last axis, with its gradient in closed form (fewer and smaller operations than tfjs's chain).
 *
 * @param x      [rows, d]
 * @param weight [d]
 */
export function rmsNorm(x: Tensor2D, weight: Tensor1D, epsilon: number): Tensor2D {
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

/** Grouped-query attention with its four projections; x and the result are [rows, hiddenSize]. */
function attention(
  config: ModelConfig,
  p: Parameters,
  layer: number,
  x: Tensor2D,
  rotary: Rotary,
  attend: Attend,
): Tensor2D {
  const name = `model.layers.${layer}.self_attn`;
  const project = (suffix: string, heads: number) =>
    tf.reshape(p.linear(`${name}.${suffix}`, x), [x.shape[0], heads, config.headDim]) as Tensor3D;
  const q = rope(project('q_proj', config.numAttentionHeads), rotary);
  const k = rope(project('k_proj', config.numKeyValueHeads), rotary);
  const v = project('v_proj', config.numKeyValueHeads);
  return p.linear(`${name}.o_proj`, attend(layer, q, k, v));
}

/** down(silu(gate(x)) * up(x)); x and the result are [rows, hiddenSize]. */
function swiGlu(p: Parameters, name: string, x: Tensor2D): Tensor2D {
  const wide = gatedSilu(p.linear(`${name}.gate_proj`, x), p.linear(`${name}.up_proj`, x));
  return p.linear(`${name}.down_proj`, wide);
}

/** silu(gate) * up, both [rows, d], with its gradient in closed form: a third less time than tfjs's chain, forward and backward. */
function gatedSilu(gate: Tensor2D, up: Tensor2D): Tensor2D {
  const op = tf.customGrad((...args) => {
    const [gate, up, save] = args as unknown as [Tensor2D, Tensor2D, (tensors: Tensor[]) => void];
    const sigmoid = tf.sigmoid(gate);
    const silu = tf.mul(gate, sigmoid);
    save([sigmoid, silu, up]);
    const gradFunc = (dy: Tensor, saved: Tensor[]) => {
      const [sigmoid, silu, up] = saved as [Tensor2D, Tensor2D, Tensor2D];
      const slope = tf.add(silu, tf.mul(sigmoid, tf.sub(1, silu)));
      return [tf.mul(tf.mul(dy, up), slope), tf.mul(dy, silu)];
    };
    return { value: tf.mul(silu, up), gradFunc };
  });
  return op(gate, up) as Tensor2D;
}
