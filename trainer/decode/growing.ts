import type { DecodedSequence } from './batch.ts';
import type { StepOutput } from './engine.ts';
import type { Fed } from './fed.ts';
import { requireNumber } from './not-finite.ts';

/** What is wanted of a sequence. */
export interface Wanted<T> {
  readonly tag: T;
  readonly maxNewTokens: number;
}

/** A sequence while it is decoded. */
export interface Growing<W> {
  readonly wanted: W;
  /** Place of the token to feed next, and the token. */
  position: number;
  feed: number;
  margin: number;
  readonly ids: number[];
  readonly close: number[];
  readonly entropies: number[];
  readonly top: { id: number; logprob: number }[][];
}

export function started<W>(wanted: W, position: number, feed: number): Growing<W> {
  return { wanted, position, feed, margin: Number.POSITIVE_INFINITY, ids: [], close: [], entropies: [], top: [] };
}

/** Tokens that a step may choose for a sequence if it chooses so many at most. */
export function mostOf({ wanted, ids }: Growing<Wanted<unknown>>, steps: number): number {
  return Math.min(steps, wanted.maxNewTokens - ids.length);
}

/** What ends a sequence, and what is told of it. */
export interface GrowingOptions<T, F extends string> {
  readonly eosTokenIds: ReadonlySet<number>;
  /** Margin below which a choice is noted as close. Default 0. */
  readonly closeBelow?: number;
  /** Why a sequence with these new tokens ends here, if it does. */
  readonly endOf?: (tag: T, ids: readonly number[]) => F | undefined;
}

/**
 * Takes what a step chose for a sequence: what the step went on with itself, or as long as it is what was fed after it.
 *
 * @param first entry of the first token in the step's output
 * @returns how many tokens that were; the sequence, if the last of them was its last
 */
export function take<T, F extends string = never>(
  { growing, ids, most }: Fed<Wanted<T>>,
  first: number,
  out: StepOutput,
  options: GrowingOptions<T, F>,
): { readonly taken: number; readonly sequence: DecodedSequence<T, 'eos' | 'length' | F> | undefined } {
  let taken = 0;
  let sequence: DecodedSequence<T, 'eos' | 'length' | F> | undefined;
  do {
    sequence = grow(growing, first + taken, out, options);
    taken++;
  } while (sequence === undefined && (taken < most || growing.feed === ids[taken]));
  return { taken, sequence };
}

/**
 * Takes a token that a step chose.
 *
 * @param at its entry in the step's output
 * @returns the sequence, if that was its last
 * @throws CftError NotFinite if the model's logits are not numbers
 */
function grow<T, F extends string>(
  growing: Growing<Wanted<T>>,
  at: number,
  out: StepOutput,
  { eosTokenIds, closeBelow = 0, endOf }: GrowingOptions<T, F>,
): DecodedSequence<T, 'eos' | 'length' | F> | undefined {
  const next = out.next[at] as number;
  const margin = out.margin[at] as number;
  requireNumber(margin);
  if (margin < closeBelow) growing.close.push(growing.ids.length);
  growing.ids.push(next);
  growing.margin = Math.min(growing.margin, margin);
  growing.position++;
  growing.feed = next;
  if (out.entropy !== undefined) growing.entropies.push(out.entropy[at] as number);
  if (out.topIds !== undefined && out.topLogprobs !== undefined)
    growing.top.push(topOf(out.topIds, out.topLogprobs, at, out.topIds.length / out.next.length));
  if (eosTokenIds.has(next)) return ended(growing, 'eos');
  if (growing.ids.length >= growing.wanted.maxNewTokens) return ended(growing, 'length');
  const end = endOf?.(growing.wanted.tag, growing.ids);
  return end === undefined ? undefined : ended(growing, end);
}

/** The sequence that has been decoded. */
function ended<T, F extends string>(growing: Growing<Wanted<T>>, finish: F): DecodedSequence<T, F> {
  const { ids, wanted, margin, close, entropies, top } = growing;
  return { tag: wanted.tag, ids, finish, margin, close, entropies, top };
}

function topOf(ids: Int32Array, logprobs: Float32Array, at: number, count: number): { id: number; logprob: number }[] {
  return Array.from({ length: count }, (_, i) => ({
    id: ids[at * count + i] as number,
    logprob: logprobs[at * count + i] as number,
  }));
}
