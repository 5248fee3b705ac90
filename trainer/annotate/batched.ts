import { BranchDecoder, type BranchRequest } from '../decode/branch-decoder.ts';
import type { BranchEngine } from '../decode/branch-engine.ts';
import { draftFrom } from '../decode/draft.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import type { Verifier } from '../verify/verifier.ts';
import { Annotation, type TokenFacts } from './annotation.ts';
import { type Recheck, recheckFacts, recheckRollout } from './near-ties.ts';
import type { AnnotationRecord, ResponseRecord } from './record.ts';
import {
  immediateResult,
  isDecided,
  isTimeToAsk,
  type Rollout,
  type RolloutResult,
  type RolloutRules,
  responseText,
} from './rollout.ts';
import type { Savings, SavingsObserver } from './savings.ts';
import { scoreResponses } from './scored.ts';

/** One rollout on its way through the decoder. */
interface RolloutTag {
  readonly annotation: Annotation;
  readonly rollout: Rollout;
  readonly prefix: readonly number[];
}

export interface BatchedOptions extends RolloutRules, SavingsObserver {
  /** In the shape that the savings ask for: see engineShape. */
  readonly engine: BranchEngine;
  readonly savings: Savings;
  readonly tokenizer: Pick<Tokenizer, 'decode' | 'tokenText'>;
  readonly verifier: Verifier;
  /** Set: near-ties are decided as the definition decides them. */
  readonly recheck?: Recheck | undefined;
}

/**
 * Annotates responses with rollouts of many positions, alternatives and responses in one batch. Each response runs through
 * the model once, and all its rollouts branch off from there; what else is saved, Savings says. Records come in the
 * order of the responses.
 */
export async function* annotateBatched(
  responses: AsyncIterable<ResponseRecord> | Iterable<ResponseRecord>,
  options: BatchedOptions,
): AsyncGenerator<AnnotationRecord> {
  const { engine, savings } = options;
  const decoder = rolloutDecoder(options);
  const work: Work = {
    source: asyncIterator(responses),
    exhausted: false,
    annotations: [],
    origins: Array.from({ length: engine.origins }, () => undefined),
  };
  const { annotations, origins } = work;
  while (true) {
    await place(work, decoder, options);
    const ended =
      savings.slotRefill || !decoder.busy
        ? origins.flatMap((annotation, origin) =>
            annotation === undefined ? [] : fill(annotation, origin, decoder, options),
          )
        : [];
    if (decoder.busy) ended.push(...step(decoder, options));
    await settle(ended, options);
    while (annotations[0]?.done === true) yield (annotations.shift() as Annotation).record(options.tokenizer.tokenText);
    if (work.exhausted && annotations.length === 0) return;
  }
}

interface Work {
  readonly source: AsyncIterator<ResponseRecord> | Iterator<ResponseRecord>;
  exhausted: boolean;
  /** Begun and not yet given out, in the order of the responses. */
  readonly annotations: Annotation[];
  /** The annotation that each of the engine's origins is of. */
  readonly origins: (Annotation | undefined)[];
}

/** Part of the origins whose rollouts should be over before they are given to others: a few responses go through the model faster together. */
const PLACED_TOGETHER = 1 / 8;

/** Gives each origin whose rollouts are over the next response, or one more share of the busiest. */
async function place(work: Work, decoder: BranchDecoder<RolloutTag>, options: BatchedOptions): Promise<void> {
  const { engine } = options;
  const { source, annotations, origins } = work;
  const placed: { response: ResponseRecord; origin: number; isNew: boolean }[] = [];
  const isOver = (origin: number) => decoder.free(origin) === engine.width && (origins[origin]?.waiting ?? 0) === 0;
  const free = [...origins.keys()].filter(isOver);
  if (free.length < PLACED_TOGETHER * engine.origins && decoder.busy) return;
  for (const origin of free) {
    const next: IteratorResult<ResponseRecord> | undefined = work.exhausted ? undefined : await source.next();
    work.exhausted = next === undefined || next.done === true;
    if (next !== undefined && next.done !== true) {
      placed.push({ response: next.value, origin, isNew: true });
      continue;
    }
    const more = busiest(annotations, origins, engine.width);
    origins[origin] = more;
    if (more !== undefined) placed.push({ response: more.response, origin, isNew: false });
  }
  for (const [i, facts] of scoreResponses(placed, engine).entries()) {
    const { response, origin, isNew } = placed[i] as (typeof placed)[number];
    if (!isNew) continue;
    const annotation = begin(response, facts, options);
    origins[origin] = annotation;
    annotations.push(annotation);
  }
}

function rolloutDecoder({ engine, eosTokenIds, recheck, savings, tokenizer, verifier, onStep }: BatchedOptions) {
  return new BranchDecoder<RolloutTag>(engine, {
    eosTokenIds,
    closeBelow: recheck?.margin ?? 0,
    draft: ({ annotation, prefix }, ids) =>
      draftFrom(annotation.response.responseIds, [...prefix, ...ids], savings.draftTokens),
    isDecided:
      savings.earlyStop && verifier.isFinal !== undefined
        ? ({ annotation, prefix }, ids) =>
            isTimeToAsk(prefix.length + ids.length) &&
            isDecided([...prefix, ...ids], annotation.response.answer, { tokenizer, verifier })
        : undefined,
    onStep,
  });
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

function begin(
  response: ResponseRecord,
  facts: readonly TokenFacts[],
  { recheck, savings }: BatchedOptions,
): Annotation {
  const checked = recheck === undefined ? facts : recheckFacts(response, facts, recheck);
  return new Annotation(response, checked, savings.lazyAlternatives);
}

interface Ended {
  readonly tag: RolloutTag;
  readonly result: RolloutResult;
  readonly decoded: number;
}

/** Gives an annotation's waiting rollouts to the free slots of one of its origins. Returns those that are over without decoding. */
function fill(
  annotation: Annotation,
  origin: number,
  decoder: BranchDecoder<RolloutTag>,
  options: BatchedOptions,
): Ended[] {
  const ended: Ended[] = [];
  const requests: BranchRequest<RolloutTag>[] = [];
  const { promptIds } = annotation.response;
  for (let room = decoder.free(origin); room > 0; ) {
    const rollout = annotation.next();
    if (rollout === undefined) break;
    const prefix = annotation.start(rollout);
    const tag = { annotation, rollout, prefix };
    const result = immediateResult(prefix, options) ?? decidedAtOnce(prefix, annotation.response, options);
    if (result !== undefined) {
      ended.push({ tag, result, decoded: 0 });
      continue;
    }
    const start = promptIds.length + rollout.position;
    if (!options.savings.sharedPrefix) options.engine.score(origin, [...promptIds, ...prefix.slice(0, -1)]);
    requests.push({ tag, start, token: prefix.at(-1) as number, maxNewTokens: options.maxNewTokens - prefix.length });
    room--;
  }
  decoder.admit(origin, requests);
  return ended;
}

/** The result of a rollout whose verdict is decided by what it begins with. */
function decidedAtOnce(
  ids: readonly number[],
  { answer }: ResponseRecord,
  options: BatchedOptions,
): RolloutResult | undefined {
  if (!options.savings.earlyStop || !isDecided(ids, answer, options)) return undefined;
  return { ids, finish: 'decided', margin: null };
}

function step(decoder: BranchDecoder<RolloutTag>, options: BatchedOptions): Ended[] {
  const { recheck } = options;
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

async function settle(
  ended: readonly Ended[],
  { tokenizer, verifier, savings, onRollout }: BatchedOptions,
): Promise<void> {
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
    const shared = savings.sharedPrefix ? tag.annotation.response.promptIds.length + tag.rollout.position : 0;
    const outcome = verdict.correct ? 'correct' : 'wrong';
    onRollout?.({ outcome, decoded, shared, finish: result.finish });
  }
}

function asyncIterator<T>(items: AsyncIterable<T> | Iterable<T>): AsyncIterator<T> | Iterator<T> {
  return Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]();
}
