import type { Tensor, Tensor1D, Tensor3D } from '@tensorflow/tfjs-core';
import { CftError } from '../../crds/errors.ts';
import { kernels, likewise } from '../tensor/kernels.ts';
import { tf } from '../tensor/tf.ts';
import type { ModelConfig } from './config.ts';
import type { RopeConfig } from './rope-config.ts';

/** Each row's rotation, both [rows, 1, rotaryDim]: the cosines of its angles twice, and the sines, first negated. */
export interface Rotary {
  readonly cos: Tensor3D;
  readonly sin: Tensor3D;
}

const { fround } = Math;

/**
 * What one position turns each pair of dimensions by, in radians, and what cosines and sines are multiplied by. Computed in fp32 step by
 * step where transformers is: an angle is a frequency times the position, so that in a long sequence the last bit shows.
 */
export function rotaryFrequencies(rope: RopeConfig): { frequencies: Float32Array; attentionFactor: number } {
  const { scaling, rotaryDim, length = 0 } = rope;
  const powers = (theta: number) =>
    Float32Array.from({ length: rotaryDim / 2 }, (_, i) => theta ** fround((2 * i) / rotaryDim));
  const plain = powers(rope.theta).map((power) => 1 / power);
  switch (scaling.type) {
    case 'default':
      return { frequencies: plain, attentionFactor: 1 };
    case 'linear':
      return { frequencies: plain.map((frequency) => frequency / scaling.factor), attentionFactor: 1 };
    case 'dynamic': {
      const { factor, trainedLength } = scaling;
      const stretch = (factor * Math.max(length, trainedLength)) / trainedLength - (factor - 1);
      const theta = rope.theta * stretch ** (rotaryDim / (rotaryDim - 2));
      return { frequencies: powers(theta).map((power) => 1 / power), attentionFactor: 1 };
    }
    case 'llama3': {
      const { factor, lowFrequencyFactor: low, highFrequencyFactor: high, trainedLength } = scaling;
      const stretched = plain.map((frequency) => {
        const turns = trainedLength / fround((2 * Math.PI) / frequency);
        if (turns < low) return frequency / factor;
        if (turns > high) return frequency;
        const kept = fround(fround(turns) - low) / (high - low);
        return ((1 - kept) * frequency) / factor + kept * frequency;
      });
      return { frequencies: stretched, attentionFactor: 1 };
    }
    case 'yarn': {
      const { factor, betaFast, betaSlow, truncate, trainedLength, attentionFactor } = scaling;
      /** The pair that turns so many times within the pre-training's length. */
      const pair = (turns: number) =>
        (rotaryDim * Math.log(trainedLength / (turns * 2 * Math.PI))) / (2 * Math.log(rope.theta));
      const low = Math.max(truncate ? Math.floor(pair(betaFast)) : pair(betaFast), 0);
      const last = Math.min(truncate ? Math.ceil(pair(betaSlow)) : pair(betaSlow), rotaryDim - 1);
      const high = low === last ? last + 0.001 : last;
      const frequencies = powers(rope.theta).map((power, i) => {
        const kept = 1 - Math.min(Math.max((i - low) / (high - low), 0), 1);
        return fround(1 / fround(factor * power)) * (1 - kept) + fround(1 / power) * kept;
      });
      return { frequencies, attentionFactor };
    }
    case 'longrope': {
      const divisors = length > scaling.trainedLength ? scaling.long : scaling.short;
      const frequencies = powers(rope.theta).map((power, i) => 1 / fround(fround(divisors[i] as number) * power));
      return { frequencies, attentionFactor: scaling.attentionFactor };
    }
  }
}

/**
 * The model as it computes sequences of so many tokens: with a `dynamic` or `longrope` scaling every angle, also of the first tokens,
 * depends on how long the sequence is in the end. Other models stay as they are.
 */
export function atLength(config: ModelConfig, length: number): ModelConfig {
  return { ...config, rope: { ...config.rope, length } };
}

/**
 * Refuses sequences whose length changes the angles of all their tokens, unless atLength has settled it: a cache of keys, or a batch of
 * sequences of several lengths, would hold keys of other angles than the model's.
 *
 * @throws CftError UnsupportedModel
 */
export function requireFixedAngles({ rope, modelType }: ModelConfig, length: number): void {
  const { scaling } = rope;
  if (rope.length !== undefined || (scaling.type !== 'dynamic' && scaling.type !== 'longrope')) return;
  if (length <= scaling.trainedLength) return;
  throw new CftError(
    'UnsupportedModel',
    `rope_type "${scaling.type}" is supported up to ${scaling.trainedLength} tokens, not ${length}: beyond, each length turns all tokens anew`,
    {
      where: modelType,
      value: length,
      hint: `use at most ${scaling.trainedLength} tokens for prompt and response (maxNewTokens), or a model with "yarn" or "linear" scaling`,
    },
  );
}

/** The rotation of each row, the same for all layers, computed in fp32 from the positions. @param positions [rows] int32 */
export function rotaryTable(config: ModelConfig, positions: Tensor1D): Rotary {
  const { frequencies, attentionFactor } = rotaryFrequencies(config.rope);
  const places = tf.reshape(tf.cast(positions, 'float32'), [positions.shape[0], 1, 1]);
  const angles = tf.mul(places, tf.tensor1d(frequencies)) as Tensor3D;
  const scaled = (x: Tensor3D): Tensor3D => (attentionFactor === 1 ? x : tf.mul(x, attentionFactor));
  const [cos, sin] = [scaled(tf.cos(angles)), scaled(tf.sin(angles))];
  return { cos: tf.concat([cos, cos], 2), sin: tf.concat([tf.neg(sin), sin], 2) };
}

/**
 * Turns each head's vector by its row's angles: x * cos + rotate_half(x) * sin, in transformers' words. A vector's
 * rotate_half is its halves swapped, with the sign that the table already holds. Dimensions behind the rotary ones pass.
 * The gradient is turned back by the same angles.
 *
 * @param x [rows, heads, headDim]
 */
export function rope(x: Tensor3D, { cos, sin }: Rotary): Tensor3D {
  const op = tf.customGrad((...args) => {
    const [x, save] = args as unknown as [Tensor3D, (tensors: Tensor[]) => void];
    save([cos, sin]);
    const gradFunc = (dy: Tensor, saved: Tensor[]) => {
      const [cos, sin] = saved as [Tensor3D, Tensor3D];
      return turned(dy as Tensor3D, { cos, sin: tf.neg(sin) });
    };
    return { value: turned(x, { cos, sin }), gradFunc };
  });
  return op(x) as Tensor3D;
}

function turned(x: Tensor3D, { cos, sin }: Rotary): Tensor3D {
  const run = kernels();
  if (run === undefined) return turnedInOps(x, { cos, sin });
  return run({ op: 'CftRotate', attributes: {}, inputs: [x, cos, sin], outputs: [likewise(x)] })[0] as Tensor3D;
}

function turnedInOps(x: Tensor3D, { cos, sin }: Rotary): Tensor3D {
  const headDim = x.shape[2];
  const rotaryDim = cos.shape[2];
  if (rotaryDim < headDim) {
    const [turning, passed] = tf.split(x, [rotaryDim, headDim - rotaryDim], 2) as [Tensor3D, Tensor3D];
    return tf.concat([turnedInOps(turning, { cos, sin }), passed], 2);
  }
  const [first, second] = tf.split(x, 2, 2) as [Tensor3D, Tensor3D];
  return tf.add(tf.mul(x, cos), tf.mul(tf.concat([second, first], 2), sin));
}
