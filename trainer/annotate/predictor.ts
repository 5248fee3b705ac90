import type { Tensor1D, Tensor2D } from '@tensorflow/tfjs-core';
import type { DecodableModel } from '../decode/engine.ts';
import { ProgramSet } from '../decode/program-set.ts';
import { causalAttention } from '../model/causal-attention.ts';
import { decoderHidden, lmHead } from '../model/decoder.ts';
import type { Session } from '../tensor/session.ts';
import { tf } from '../tensor/tf.ts';
import { CHOICES } from './alternatives.ts';
import type { TokenFacts } from './annotation.ts';
import { immediateResult, type RolloutResult, type RolloutRules } from './rollout.ts';

/** The logits of the token after a sequence. */
export type Predictor = (ids: readonly number[]) => Float32Array;

/** The continuation of a started response, token by token, to its end. */
export function continueGreedily(
  promptIds: readonly number[],
  start: readonly number[],
  predict: Predictor,
  rules: RolloutRules,
): RolloutResult {
  const ids = [...start];
  let margin: number | null = null;
  while (true) {
    const over = immediateResult(ids, rules);
    if (over !== undefined) return { ...over, margin };
    const [first, second] = likeliest(predict([...promptIds, ...ids]), 2);
    ids.push(first?.id as number);
    const gap = (first?.value ?? 0) - (second?.value ?? 0);
    margin = margin === null ? gap : Math.min(margin, gap);
  }
}

/** The model's view of a token from the logits of its position, in double precision. */
export function factsAt(logits: Float32Array, token: number): TokenFacts {
  const max = logits.reduce((a, b) => Math.max(a, b));
  const logSum = max + Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit - max), 0));
  const entropy = logits.reduce((sum, logit) => sum - Math.exp(logit - logSum) * (logit - logSum), 0);
  const top = likeliest(logits, CHOICES).map(({ id, value }) => ({ id, logprob: value - logSum }));
  return { logprob: (logits[token] as number) - logSum, entropy, top };
}

/** The `count` largest logits, largest first; of equals the lower id first. */
export function likeliest(logits: Float32Array, count: number): { id: number; value: number }[] {
  const top: { id: number; value: number }[] = [];
  for (const [id, value] of logits.entries()) {
    if (top.length === count && value <= (top.at(-1)?.value as number)) continue;
    const place = top.findIndex((other) => value > other.value);
    top.splice(place === -1 ? top.length : place, 0, { id, value });
    if (top.length > count) top.pop();
  }
  return top;
}

/** Sequences are padded to a multiple of this many tokens. */
const LENGTH_STEP = 32;

/** Up to so many padded lengths are declared at once: one that is declared later costs loading all programs again, and the weights with them. */
const LENGTHS_AT_ONCE = 16;

/**
 * Predictions by full forward passes of a session's model, one program a padded length.
 *
 * @param longest tokens of the longest sequence to come; undefined: not known
 * @param name    distinguishes the programs of several predictors in one session
 */
export function fullForward(
  session: Session,
  { config, parameters }: DecodableModel,
  longest?: number,
  name = 'predict',
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
