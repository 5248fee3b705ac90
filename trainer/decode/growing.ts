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
 * Takes the token that a step chose in a slot.
 *
 * @param closeBelow margin below which the choice is noted as close
 * @returns the sequence, if that was its last
 */
export function grow<T>(
  growing: Growing<Wanted<T>>,
  slot: number,
  out: StepOutput,
  { eosTokenIds, closeBelow = 0 }: { readonly eosTokenIds: ReadonlySet<number>; readonly closeBelow?: number },
): DecodedSequence<T> | undefined {
  const next = out.next[slot] as number;
  const margin = out.margin[slot] as number;
  if (margin < closeBelow) growing.close.push(growing.ids.length);
  growing.ids.push(next);
  growing.margin = Math.min(growing.margin, margin);
  growing.position++;
  growing.feed = next;
  if (out.entropy !== undefined) growing.entropies.push(out.entropy[slot] as number);
  if (out.topIds !== undefined && out.topLogprobs !== undefined)
    growing.top.push(topOf(out.topIds, out.topLogprobs, slot, out.topIds.length / out.next.length));
  const { ids, wanted, close, entropies, top } = growing;
  const isEnd = eosTokenIds.has(next);
  if (!isEnd && ids.length < wanted.maxNewTokens) return undefined;
  return { tag: wanted.tag, ids, finish: isEnd ? 'eos' : 'length', margin: growing.margin, close, entropies, top };
}

function topOf(
  ids: Int32Array,
  logprobs: Float32Array,
  slot: number,
  count: number,
): { id: number; logprob: number }[] {
  return Array.from({ length: count }, (_, i) => ({
    id: ids[slot * count + i] as number,
    logprob: logprobs[slot * count + i] as number,
  }));
}
