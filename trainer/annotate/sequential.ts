import type { Tensor1D, Tensor2D } from '@tensorflow/tfjs-core';
import type { DecodableModel } from '../decode/engine.ts';
import { causalAttention, decoderHidden, lmHead } from '../model/decoder.ts';
import type { Program, Session } from '../tensor/session.ts';
import { tf } from '../tensor/tf.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import type { Verifier } from '../verify/verifier.ts';
import { Annotation } from './annotation.ts';
import type { AnnotationRecord, ResponseRecord } from './record.ts';
import { immediateResult, type RolloutResult, type RolloutRules, responseText } from './rollout.ts';

export interface SequentialOptions extends RolloutRules {
  readonly predict: Predictor;
  readonly tokenizer: Pick<Tokenizer, 'decode' | 'tokenText'>;
  readonly verifier: Verifier;
  readonly onRollout?: (outcome: 'correct' | 'wrong', decoded: number) => void;
}

/** The logits of the token after a sequence. */
export type Predictor = (ids: readonly number[]) => Float32Array;

/**
 * The definition, step by step: for each token and each of its two alternatives put the alternative in its place, decode
 * greedily to the end, verify. Every prediction runs the whole sequence through the model again; nothing is kept, shared
 * or skipped. It is the reference that the batched way is tested against.
 */
export async function annotateSequential(
  response: ResponseRecord,
  options: SequentialOptions,
): Promise<AnnotationRecord> {
  const { predict, tokenizer, verifier } = options;
  const { promptIds, responseIds } = response;
  const facts = responseIds.map((token, t) => factsAt(predict([...promptIds, ...responseIds.slice(0, t)]), token));
  const annotation = new Annotation(response, facts, false);
  for (let rollout = annotation.next(); rollout !== undefined; rollout = annotation.next()) {
    const start = annotation.start(rollout);
    const result = continueGreedily(promptIds, start, options);
    const [verdict] = await verifier.verify([
      { response: responseText(tokenizer, result.ids), answer: response.answer },
    ]);
    if (verdict === undefined) continue;
    annotation.settle(rollout, result, verdict);
    options.onRollout?.(verdict.correct ? 'correct' : 'wrong', result.ids.length - start.length);
  }
  return annotation.record(tokenizer.tokenText);
}

function continueGreedily(
  promptIds: readonly number[],
  start: readonly number[],
  options: SequentialOptions,
): RolloutResult {
  const ids = [...start];
  let margin: number | null = null;
  while (true) {
    const over = immediateResult(ids, options);
    if (over !== undefined) return { ...over, margin };
    const [first, second] = likeliest(options.predict([...promptIds, ...ids]), 2);
    ids.push(first?.id as number);
    const gap = (first?.value ?? 0) - (second?.value ?? 0);
    margin = margin === null ? gap : Math.min(margin, gap);
  }
}

/** The model's view of a token from the logits of its position, in double precision. */
function factsAt(
  logits: Float32Array,
  token: number,
): { logprob: number; entropy: number; top: { id: number; logprob: number }[] } {
  const max = logits.reduce((a, b) => Math.max(a, b));
  const logSum = max + Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit - max), 0));
  const entropy = logits.reduce((sum, logit) => sum - Math.exp(logit - logSum) * (logit - logSum), 0);
  const top = likeliest(logits, 3).map(({ id, value }) => ({ id, logprob: value - logSum }));
  return { logprob: (logits[token] as number) - logSum, entropy, top };
}

/** The `count` largest logits, largest first; of equals the lower id first. */
function likeliest(logits: Float32Array, count: number): { id: number; value: number }[] {
  return Array.from(logits, (value, id) => ({ id, value }))
    .sort((a, b) => b.value - a.value || a.id - b.id)
    .slice(0, count);
}

/** Sequences are padded to a multiple of this many tokens. */
const LENGTH_STEP = 32;

/** Predictions by full forward passes of a session's model, one program a padded length. */
export function fullForward(session: Session, { config, parameters }: DecodableModel): Predictor {
  const programs = new Map<number, Program<'ids' | 'last', 'logits'>>();
  const declare = (length: number) =>
    session.program(
      `predict-${length}`,
      { ids: { shape: [length], dtype: 'int32' }, last: { shape: [1], dtype: 'int32' } },
      ({ ids, last }) => {
        const attend = causalAttention(config, 1, length);
        const hidden = decoderHidden(config, parameters, ids as Tensor1D, tf.range(0, length, 1, 'int32'), attend);
        return { logits: lmHead(config, parameters, tf.gather(hidden, last as Tensor1D) as Tensor2D) };
      },
    );
  return (ids) => {
    const length = Math.ceil(ids.length / LENGTH_STEP) * LENGTH_STEP;
    const program = programs.get(length) ?? declare(length);
    programs.set(length, program);
    const padded = new Int32Array(length);
    padded.set(ids);
    return program.run({ ids: padded, last: new Int32Array([ids.length - 1]) }).logits as Float32Array;
  };
}
