import type { BatchDecoder, DecodeRequest } from '../decode/batch.ts';
import type { DecodeEngine } from '../decode/engine.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import type { Verifier } from '../verify/verifier.ts';
import { Annotation } from './annotation.ts';
import type { AnnotationRecord, ResponseRecord } from './record.ts';
import { immediateResult, type Rollout, type RolloutResult, type RolloutRules, responseText } from './rollout.ts';
import { scoreResponse } from './scored.ts';

/** One rollout on its way through the decoder. */
export interface RolloutTag {
  readonly work: Work;
  readonly rollout: Rollout;
  readonly prefix: readonly number[];
}

interface Work {
  readonly annotation: Annotation;
  /** Unset when the work is done and the origin is another's. */
  origin: number | undefined;
}

export interface BatchedOptions extends RolloutRules {
  readonly engine: DecodeEngine;
  readonly decoder: BatchDecoder<RolloutTag>;
  /** Responses annotated at the same time; the engine keeps as many origins. */
  readonly origins: number;
  readonly tokenizer: Pick<Tokenizer, 'decode' | 'tokenText'>;
  readonly verifier: Verifier;
  /** Told of every rollout made; for counters. */
  readonly onRollout?: (outcome: 'correct' | 'wrong', decoded: number) => void;
}

/**
 * Annotates responses with rollouts of many positions, alternatives and responses in one batch. Each response runs through
 * the model once; every rollout forks its keys and values there, instead of computing the prefix again. A finished
 * rollout's slot is taken by the next at once, and third choices are tried only where the second broke the answer.
 * Records come in the order of the responses.
 */
export async function* annotateBatched(
  responses: AsyncIterable<ResponseRecord> | Iterable<ResponseRecord>,
  options: BatchedOptions,
): AsyncGenerator<AnnotationRecord> {
  const source = asyncIterator(responses);
  const freeOrigins = Array.from({ length: options.origins }, (_, i) => i);
  const works: Work[] = [];
  let exhausted = false;
  while (true) {
    while (!exhausted && freeOrigins.length > 0 && waiting(works) < options.decoder.free) {
      const { value, done } = await source.next();
      if (done === true) exhausted = true;
      else works.push(begin(value, freeOrigins.shift() as number, options));
    }
    const ended = fill(works, options);
    if (options.decoder.busy > 0) ended.push(...step(options));
    await settle(ended, options);
    for (const work of works) {
      if (!work.annotation.done || work.origin === undefined) continue;
      freeOrigins.push(work.origin);
      work.origin = undefined;
    }
    while (works[0]?.annotation.done === true)
      yield (works.shift() as Work).annotation.record(options.tokenizer.tokenText);
    if (exhausted && works.length === 0) return;
  }
}

interface Ended {
  readonly tag: RolloutTag;
  readonly result: RolloutResult;
  readonly decoded: number;
}

function waiting(works: readonly Work[]): number {
  return works.reduce((sum, { annotation }) => sum + annotation.waiting, 0);
}

/** Runs the response through the model, which keeps its keys and values as an origin. */
function begin(response: ResponseRecord, origin: number, { engine }: BatchedOptions): Work {
  return { annotation: new Annotation(response, scoreResponse(response, origin, engine), true), origin };
}

/** Gives waiting rollouts to free slots, oldest response first. Returns those that are over without decoding. */
function fill(works: readonly Work[], options: BatchedOptions): Ended[] {
  const ended: Ended[] = [];
  const requests: DecodeRequest<RolloutTag>[] = [];
  let { room } = options.decoder;
  for (const work of works) {
    while (room > 0) {
      const rollout = work.annotation.next();
      if (rollout === undefined) break;
      const prefix = work.annotation.start(rollout);
      const tag = { work, rollout, prefix };
      const result = immediateResult(prefix, options);
      if (result !== undefined) {
        ended.push({ tag, result, decoded: 0 });
        continue;
      }
      const length = work.annotation.response.promptIds.length + rollout.position;
      const start = { origin: work.origin as number, length, token: prefix.at(-1) as number };
      requests.push({ tag, start, maxNewTokens: options.maxNewTokens - prefix.length });
      room--;
    }
  }
  if (requests.length > 0) options.decoder.admit(requests);
  return ended;
}

function step({ decoder }: BatchedOptions): Ended[] {
  return decoder.advance().map(({ tag, ids, finish, margin }) => ({
    tag,
    result: { ids: [...tag.prefix, ...ids], finish, margin },
    decoded: ids.length,
  }));
}

async function settle(ended: readonly Ended[], { tokenizer, verifier, onRollout }: BatchedOptions): Promise<void> {
  if (ended.length === 0) return;
  const verdicts = await verifier.verify(
    ended.map(({ tag, result }) => ({
      response: responseText(tokenizer, result.ids),
      answer: tag.work.annotation.response.answer,
    })),
  );
  for (const [index, { tag, result, decoded }] of ended.entries()) {
    const verdict = verdicts[index] as (typeof verdicts)[number];
    tag.work.annotation.settle(tag.rollout, result, verdict);
    onRollout?.(verdict.correct ? 'correct' : 'wrong', decoded);
  }
}

function asyncIterator<T>(items: AsyncIterable<T> | Iterable<T>): AsyncIterator<T> | Iterator<T> {
  return Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]();
}
