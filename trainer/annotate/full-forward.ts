import type { Tensor1D, Tensor2D } from '@tensorflow/tfjs-core';
import type { DecodableModel } from '../decode/engine.ts';
import { fusedHidden, fuses } from '../decode/fused-layers.ts';
import { BLOCK, createKvCache } from '../decode/kv-cache.ts';
import { ProgramSet } from '../decode/program-set.ts';
import { causalAttention } from '../model/causal-attention.ts';
import { decoderHidden, lmHead } from '../model/decoder.ts';
import { requireFixedAngles } from '../model/rope.ts';
import type { Session } from '../tensor/session.ts';
import { tf } from '../tensor/tf.ts';
import type { Predictor } from './predictor.ts';

/** Sequences are padded to a multiple of this many tokens. */
const LENGTH_STEP = 32;

/** Up to so many padded lengths are declared at once: one that is declared later costs loading all programs again, and the weights with them. */
const LENGTHS_AT_ONCE = 16;

/**
 * Predictions by full forward passes of a session's model: each sequence from its first token on, alone.
 *
 * @param longest tokens of the longest sequence to come; undefined: not known
 * @param name    distinguishes the programs of several predictors in one session
 */
export function fullForward(session: Session, model: DecodableModel, longest?: number, name = 'predict'): Predictor {
  return longest !== undefined && fuses(session, model)
    ? inOneOp(session, model, longest, name)
    : composed(session, model, longest, name);
}

/** The layers as one op, which leaves out what a sequence does not fill. */
function inOneOp(session: Session, model: DecodableModel, longest: number, name: string): Predictor {
  const { config, parameters } = model;
  const cache = createKvCache(session, config, `${name}.full.cache`, { slots: 1, blocks: Math.ceil(longest / BLOCK) });
  const length = cache.blocks * cache.block;
  const each = { shape: [length], dtype: 'int32' } as const;
  const program = session.program(
    `${name}.full`,
    { ids: each, positions: each, last: { shape: [1], dtype: 'int32' } },
    (inputs) => {
      const { ids, positions, last } = inputs as Readonly<Record<'ids' | 'positions' | 'last', Tensor1D>>;
      const hidden = fusedHidden(model, { ids, positions, slots: tf.zerosLike(positions), cache });
      return { logits: lmHead(config, parameters, tf.gather(hidden, last)) };
    },
  );
  return (ids) => {
    requireFixedAngles(config, ids.length);
    const padded = new Int32Array(length);
    padded.set(ids);
    const positions = padded.map((_, place) => (place < ids.length ? place : -1));
    return program.run({ ids: padded, positions, last: new Int32Array([ids.length - 1]) }).logits as Float32Array;
  };
}

/** The layers of TensorFlow's ops, one program a padded length. */
function composed(
  session: Session,
  { config, parameters }: DecodableModel,
  longest: number | undefined,
  name: string,
): Predictor {
  const lengths = Array.from({ length: Math.ceil((longest ?? 0) / LENGTH_STEP) }, (_, i) => (i + 1) * LENGTH_STEP);
  const declare = (length: number) =>
    session.program(
      `${name}.full-${length}`,
      { ids: { shape: [length], dtype: 'int32' }, last: { shape: [1], dtype: 'int32' } },
      ({ ids, last }) => {
        const attend = causalAttention(config, 1, length);
        const hidden = decoderHidden(config, parameters, ids as Tensor1D, tf.range(0, length, 1, 'int32'), attend);
        return { logits: lmHead(config, parameters, tf.gather(hidden, last as Tensor1D) as Tensor2D) };
      },
    );
  const usual = lengths.length <= LENGTHS_AT_ONCE ? lengths.map(String) : [];
  const programs = new ProgramSet((length) => declare(Number(length)), usual);
  programs.declareUsual();
  return (ids) => {
    const length = Math.ceil(ids.length / LENGTH_STEP) * LENGTH_STEP;
    const program = programs.get(String(length));
    const padded = new Int32Array(length);
    padded.set(ids);
    return program.run({ ids: padded, last: new Int32Array([ids.length - 1]) }).logits as Float32Array;
  };
}
