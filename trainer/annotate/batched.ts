import type { BranchDecoder, BranchRequest } from '../decode/branch-decoder.ts';
import type { BranchEngine } from '../decode/branch-engine.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import type { Verifier } from '../verify/verifier.ts';
import { Annotation } from './annotation.ts';
import { type Recheck, recheckFacts, recheckRollout } from './near-ties.ts';
import type { AnnotationRecord, ResponseRecord } from './record.ts';
import { immediateResult, type Rollout, type RolloutResult, type RolloutRules, responseText } from './rollout.ts';
import { scoreResponse } from './scored.ts';

/** One rollout on its way through the decoder. */
export interface RolloutTag {
  readonly annotation: Annotation;
  readonly rollout: Rollout;
  readonly prefix: readonly number[];
}

export interface BatchedOptions extends RolloutRules {
  readonly engine: BranchEngine;
  readonly decoder: BranchDecoder<RolloutTag>;
  readonly tokenizer: Pick<Tokenizer, 'decode' | 'tokenText'>;
  readonly verifier: Verifier;
  /** Set: near-ties are decided as the definition decides them. The decoder must note them. */
  readonly recheck?: Recheck | undefined;
  /** Told of every rollout made; for counters. `shared`: tokens that it read from its response instead of computing them. */
  readonly onRollout?: (outcome: 'correct' | 'wrong', decoded: number, shared: number) => void;
}

/**
 * Annotates responses with rollouts of many positions, alternatives and responses in one batch. Each response runs through
 * the model once, and all its rollouts branch off from there, instead of computing the prefix again. A finished
 * rollout's slot is taken by the next at once, and third choices are tried only where the second broke the answer.
 * Records come in the order of the responses.
 */
export async function* annotateBatched(
  responses: AsyncIterable<ResponseRecord> | Iterable<ResponseRecord>,
  options: BatchedOptions,
): AsyncGenerator<AnnotationRecord> {
  const { engine, decoder } = options;
  const source = asyncIterator(responses);
  const annotations: Annotation[] = [];
  /** The annotation that each of the engine's origins is of. */
  const origins: (Annotation | undefined)[] = Array.from({ length: engine.origins }, () => undefined);
  let exhausted = false;
  while (true) {
    for (const [origin, former] of origins.entries()) {
      if (decoder.free(origin) < engine.width || (former !== undefined && former.waiting > 0)) continue;
      const next: IteratorResult<ResponseRecord> | undefined = exhausted ? undefined : await source.next();
      exhausted = next === undefined || next.done === true;
      if (next === undefined || next.done === true) {
        origins[origin] = busiest(annotations, origins, engine.width);
        if (origins[origin] !== undefined) scoreResponse(origins[origin].response, origin, engine);
      } else {
        const annotation = begin(next.value, origin, options);
        origins[origin] = annotation;
        annotations.push(annotation);
      }
    }
    const ended = origins.flatMap((annotation, origin) =>
      annotation === undefined ? [] : fill(annotation, origin, options),
    );
    if (decoder.busy) ended.push(...step(options));
    await settle(ended, options);
    while (annotations[0]?.done === true) yield (annotations.shift() as Annotation).record(options.tokenizer.tokenText);
    if (exhausted && annotations.length === 0) return;
  }
}

/** The annotation with the most rollouts waiting for each of its origins, if they are enough for one more to be worth its score. */
function busiest(
  annotations: readonly Annotation[],
  origins: readonly (Annotation | undefined)[],
  width: number,
): Annotation | undefined {
  const load = (annotation: Annotation) =>
    annotation.waiting / (1 + origins.filter((other) => other === annotation).length);
  const [most] = annotations.filter(({ waiting }) => waiting >= width).sort((a, b) => load(b) - load(a));
  return most;
}

function begin(response: ResponseRecord, origin: number, { engine, recheck }: BatchedOptions): Annotation {
  const facts = scoreResponse(response, origin, engine);
  return new Annotation(response, recheck === undefined ? facts : recheckFacts(response, facts, recheck), true);
}

interface Ended {
  readonly tag: RolloutTag;
  readonly result: RolloutResult;
  readonly decoded: number;
}

/** Gives an annotation's waiting rollouts to the free slots of one of its origins. Returns those that are over without decoding. */
function fill(annotation: Annotation, origin: number, options: BatchedOptions): Ended[] {
  const ended: Ended[] = [];
  const requests: BranchRequest<RolloutTag>[] = [];
  const { promptIds } = annotation.response;
  for (let room = options.decoder.free(origin); room > 0; ) {
    const rollout = annotation.next();
    if (rollout === undefined) break;
    const prefix = annotation.start(rollout);
    const tag = { annotation, rollout, prefix };
    const result = immediateResult(prefix, options);
    if (result !== undefined) {
      ended.push({ tag, result, decoded: 0 });
      continue;
    }
    const start = promptIds.length + rollout.position;
    requests.push({ tag, start, token: prefix.at(-1) as number, maxNewTokens: options.maxNewTokens - prefix.length });
    room--;
  }
  options.decoder.admit(origin, requests);
  return ended;
}

function step(options: BatchedOptions): Ended[] {
  const { decoder, recheck } = options;
  return decoder.advance().map(({ tag, ids, finish, margin, close }) => {
    const { prefix, annotation } = tag;
    const result = { ids: [...prefix, ...ids], finish, margin };
    const places = close.map((place) => prefix.length + place);
    const { promptIds } = annotation.response;
    return {
      tag,
      result: recheck === undefined ? result : recheckRollout(promptIds, result, places, recheck, options),
      decoded: ids.length,
    };
  });
}

async function settle(ended: readonly Ended[], { tokenizer, verifier, onRollout }: BatchedOptions): Promise<void> {
  if (ended.length === 0) return;
  const verdicts = await verifier.verify(
    ended.map(({ tag, result }) => ({
      response: responseText(tokenizer, result.ids),
      answer: tag.annotation.response.answer,
    })),
  );
  for (const [index, { tag, result, decoded }] of ended.entries()) {
    const verdict = verdicts[index] as (typeof verdicts)[number];
    tag.annotation.settle(tag.rollout, result, verdict);
    const shared = tag.annotation.response.promptIds.length + tag.rollout.position;
    onRollout?.(verdict.correct ? 'correct' : 'wrong', decoded, shared);
  }
}

function asyncIterator<T>(items: AsyncIterable<T> | Iterable<T>): AsyncIterator<T> | Iterator<T> {
  return Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]();
}
