import type { Tensor, Tensor1D } from '@tensorflow/tfjs-core';
import { nodeBackend } from '../tensor/node-backend.ts';
import { tf } from '../tensor/tf.ts';

/**
 * Zeroes each element with probability `rate` and scales the others by 1 / (1 - rate). Which ones depends on the seed alone, so that a
 * resumed training drops the same.
 *
 * @param seed [2] int32, an input of the program: another one for each step and each use within it
 */
export function dropout<T extends Tensor>(x: T, rate: number, seed: Tensor1D): T {
  if (rate === 0) return x;
  const kept = tf.cast(tf.greaterEqual(uniform(x.shape, seed), rate), 'float32');
  return tf.mul(x, tf.div(kept, 1 - rate)) as T;
}

// tfjs draws random numbers on the host, which a compiled program would keep as a constant; TensorFlow draws them in the graph.
function uniform(shape: readonly number[], seed: Tensor1D): Tensor {
  const backend = nodeBackend();
  if (backend === undefined) return tf.randomUniform([...shape], 0, 1, 'float32', String(seed.dataSync()));
  const size = tf.tensor1d([...shape], 'int32');
  const type = (name: string, value: number) => ({ name, type: backend.binding.TF_ATTR_TYPE, value });
  const int32 = backend.tensorMap.get(size.dataId).dtype;
  const float32 = 1;
  return backend.executeSingleOutput(
    'StatelessRandomUniform',
    [type('dtype', float32), type('T', int32), type('Tseed', int32)],
    [size, seed],
  );
}
