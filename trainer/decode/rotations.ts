import type { Tensor1D, Tensor3D } from '@tensorflow/tfjs-core';
import type { ModelConfig } from '../model/config.ts';
import { type Rotary, rotaryTable } from '../model/rope.ts';
import { tf } from '../tensor/tf.ts';
import type { CachedTokens } from './cached-hidden.ts';
import type { KvCache } from './kv-cache.ts';

/** Floats of the widest vector of a processor. */
const LANES = 16;

/** Tokens of the longest sequence that there is room for. */
export function longest({ cache, shared }: CachedTokens): number {
  const room = ({ blocks, block }: KvCache) => blocks * block;
  return room(cache) + (shared === undefined ? 0 : room(shared.cache));
}

/**
 * The rotation of each row, the same to the bit whatever rows are beside it. Where there are more rows than places, that of each place is computed once,
 * when TensorFlow loads the program.
 *
 * @param length places that there are
 * @returns [rows, 1, turned] each
 */
export function rotaryAt(config: ModelConfig, places: Tensor1D, length: number): Rotary {
  if (places.size <= length) return wholeTable(config, places);
  const { cos, sin } = wholeTable(config, tf.range(0, length, 1, 'int32'));
  const rows = tf.minimum(tf.maximum(places, tf.scalar(0, 'int32')), tf.scalar(length - 1, 'int32')) as Tensor1D;
  return { cos: tf.gather(cos, rows), sin: tf.gather(sin, rows) };
}

/** A table of whole vectors: what fills none at a table's end, TensorFlow computes another way. */
function wholeTable(config: ModelConfig, places: Tensor1D): Rotary {
  const rows = places.size;
  const { cos, sin } = rotaryTable(config, tf.pad(places, [[0, (LANES - (rows % LANES)) % LANES]]));
  const own = (x: Tensor3D) => tf.slice(x, [0, 0, 0], [rows, -1, -1]);
  return { cos: own(cos), sin: own(sin) };
}
