import type { Tensor, Tensor2D } from '@tensorflow/tfjs-core';
import { after } from '../tensor/after.ts';
import { differentiable, kernels } from '../tensor/kernels.ts';
import { tf } from '../tensor/tf.ts';
import type { Activation } from './activation-config.ts';

/** An activation, elementwise: it lets a share of each x pass. */
interface Curve {
  readonly share: (x: Tensor) => Tensor;
  /** The derivative of x * share(x); `passed` is that product. */
  readonly slope: (x: Tensor, share: Tensor, passed: Tensor) => Tensor;
}

/** The factor and the cubic part of GELU's approximation (Hendrycks and Gimpel 2016), whose (1 + tanh(u)) / 2 is the sigmoid of 2u. */
const [STEEPNESS, CUBIC] = [2 * Math.sqrt(2 / Math.PI), 0.044715];

const CURVES: Readonly<Record<Activation, Curve>> = {
  silu: {
    share: tf.sigmoid,
    slope: (_x, share, passed) => tf.add(passed, tf.mul(share, tf.sub(1, passed))),
  },
  gelu: {
    share: (x) => tf.mul(tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1), 0.5),
    slope: (x, share) => {
      const density = tf.mul(tf.exp(tf.mul(tf.square(x), -0.5)), 1 / Math.sqrt(2 * Math.PI));
      return tf.add(share, tf.mul(x, density));
    },
  },
  'gelu-tanh': {
    share: (x) => tf.sigmoid(tf.mul(x, tf.add(tf.mul(tf.square(x), STEEPNESS * CUBIC), STEEPNESS))),
    slope: (x, share, passed) => {
      const inner = tf.add(tf.mul(tf.square(x), 3 * STEEPNESS * CUBIC), STEEPNESS);
      return tf.add(share, tf.mul(tf.mul(passed, tf.sub(1, share)), inner));
    },
  },
  relu: { share: (x) => tf.step(x), slope: (_x, share) => share },
};

/**
 * activation(gate) * up, both [rows, d], with its gradient in closed form: a third less time than tfjs's chain, forward and backward. It
 * keeps its inputs only: they are among the widest of a layer.
 */
export function gated(activation: Activation, gate: Tensor2D, up: Tensor2D): Tensor2D {
  const run = kernels();
  if (run === undefined || activation !== 'silu') return composed(activation, gate, up);
  return differentiable(run, 'CftGateBySilu', {}, [gate, up]);
}

function composed(activation: Activation, gate: Tensor2D, up: Tensor2D): Tensor2D {
  const { share: shareOf, slope: slopeOf } = CURVES[activation];
  const op = tf.customGrad((...args) => {
    const [gate, up, save] = args as unknown as [Tensor2D, Tensor2D, (tensors: Tensor[]) => void];
    save([gate, up]);
    const gradFunc = (dy: Tensor, saved: Tensor[]) => {
      const [gate, up] = saved as [Tensor2D, Tensor2D];
      const share = shareOf(after(gate, dy));
      const passed = tf.mul(gate, share);
      return [tf.mul(tf.mul(dy, up), slopeOf(gate, share, passed)), tf.mul(dy, passed)];
    };
    return { value: tf.mul(tf.mul(gate, shareOf(gate)), up), gradFunc };
  });
  return op(gate, up) as Tensor2D;
}
