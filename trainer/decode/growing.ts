import type { DecodedSequence } from './batch.ts';
import type { StepOutput } from './engine.ts';

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

/**
 * Takes a token that a step chose.
 *
 * @param at         its entry in the step's output
 * @param closeBelow margin below which the choice is noted as close
 * @returns the sequence, if that was its last
 */
export function grow<T>(
  growing: Growing<Wanted<T>>,
  at: number,
  out: StepOutput,
  { eosTokenIds, closeBelow = 0 }: { readonly eosTokenIds: ReadonlySet<number>; readonly closeBelow?: number },
): DecodedSequence<T> | undefined {
  const next = out.next[at] as number;
  const margin = out.margin[at] as number;
  if (margin < closeBelow) growing.close.push(growing.ids.length);
  growing.ids.push(next);
  growing.margin = Math.min(growing.margin, margin);
  growing.position++;
  growing.feed = next;
  if (out.entropy !== undefined) growing.entropies.push(out.entropy[at] as number);
  if (out.topIds !== undefined && out.topLogprobs !== undefined)
    growing.top.push(topOf(out.topIds, out.topLogprobs, at, out.topIds.length / out.next.length));
  if (eosTokenIds.has(next)) return ended(growing, 'eos');
  return growing.ids.length < growing.wanted.maxNewTokens ? undefined : ended(growing, 'length');
}

/** The sequence that has been decoded. */
export function ended<T, F extends string>(growing: Growing<Wanted<T>>, finish: F): DecodedSequence<T, F> {
  const { ids, wanted, margin, close, entropies, top } = growing;
  return { tag: wanted.tag, ids, finish, margin, close, entropies, top };
}

function topOf(ids: Int32Array, logprobs: Float32Array, at: number, count: number): { id: number; logprob: number }[] {
  return Array.from({ length: count }, (_, i) => ({
    id: ids[at * count + i] as number,
    logprob: logprobs[at * count + i] as number,
  }));
}
