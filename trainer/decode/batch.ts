import type { DecodeEngine } from './engine.ts';
import { type Fed, statesOf } from './fed.ts';
import { type Growing, mostOf, started, take } from './growing.ts';
import { mayWait } from './reach.ts';

/** A sequence to decode. */
export interface DecodeRequest<T> {
  /** Whatever the caller needs to know it again. */
  readonly tag: T;
  readonly prompt: readonly number[];
  /** New tokens at most, the end token included; at least 1. */
  readonly maxNewTokens: number;
  /** Where the random numbers of a sampled sequence come from, one in [0, 1) a token; ignored when decoding greedily. */
  readonly uniform?: () => number;
}

export interface DecodedSequence<T, Finish extends string = 'eos' | 'length'> {
  readonly tag: T;
  /** New tokens; the last is the end token if the sequence finished by itself. */
  readonly ids: readonly number[];
  readonly finish: Finish;
  /** Smallest top-1 minus top-2 logit over the new tokens: how near a greedy choice was to another. */
  readonly margin: number;
  /** Places among the new tokens whose margin was below what the decoder was asked to note; none by default. */
  readonly close: readonly number[];
  /** Nats at each new token; empty unless the engine tells entropies. */
  readonly entropies: readonly number[];
  /** The engine's topK likeliest tokens at each new token; empty unless it tells them. */
  readonly top: readonly (readonly { readonly id: number; readonly logprob: number }[])[];
}

export interface BatchOptions {
  readonly eosTokenIds: ReadonlySet<number>;
  /** Sample at this temperature; greedy if unset. */
  readonly temperature?: number;
}

/** Part of the slots that should be free before sequences are let in: for a few that costs nearly as much as for many. */
const ADMISSION = 1 / 8;

/**
 * Continuous batching over an engine's slots: a slot whose sequence finished is free for the next at once. What a sequence
 * becomes does not depend on the others but for the rounding of batched matrix products.
 */
export class BatchDecoder<T> {
  readonly #engine: DecodeEngine;
  readonly #options: BatchOptions;
  readonly #active: (Growing<DecodeRequest<T>> | undefined)[];
  #steps = 0;
  #tokens = 0;

  constructor(engine: DecodeEngine, options: BatchOptions) {
    this.#engine = engine;
    this.#options = options;
    this.#active = Array.from({ length: engine.slots }, () => undefined);
  }

  /** Slots without a sequence. */
  get free(): number {
    return this.#active.reduce((count, slot) => count + (slot === undefined ? 1 : 0), 0);
  }

  get busy(): number {
    return this.#engine.slots - this.free;
  }

  /** Slots to fill now: the free ones, or none while there are so few that waiting for more is cheaper. */
  get room(): number {
    const { free } = this;
    return free >= ADMISSION * this.#engine.slots || free === this.#engine.slots ? free : 0;
  }

  /** Steps run and tokens chosen so far. */
  get counters(): { readonly steps: number; readonly tokens: number } {
    return { steps: this.#steps, tokens: this.#tokens };
  }

  /** Gives each request a free slot; there must be enough. */
  admit(requests: readonly DecodeRequest<T>[]): void {
    const prefills: { slot: number; ids: readonly number[] }[] = [];
    let slot = -1;
    for (const request of requests) {
      slot = this.#active.indexOf(undefined, slot + 1);
      const ids = request.prompt.slice(0, -1);
      if (ids.length > 0) prefills.push({ slot, ids });
      this.#active[slot] = started(request, ids.length, request.prompt.at(-1) as number);
    }
    if (prefills.length > 0) this.#engine.prefill(prefills);
  }

  /**
   * One more token at least for every active sequence but the few longest, for which the step would cost all others more: they wait until
   * there are more of them. Returns the sequences that it finished, their slots free again.
   */
  advance(): DecodedSequence<T>[] {
    const { slots } = this.#engine;
    const { temperature } = this.#options;
    const steps = temperature === undefined ? this.#engine.steps : 1;
    const fed = this.#active.flatMap((growing, slot) =>
      growing === undefined ? [] : [{ growing, slot, ids: [growing.feed], most: mostOf(growing, steps) }],
    );
    const lengthOf = ({ growing, most }: Fed<DecodeRequest<T>>) => growing.position + most;
    const reach = this.#engine.reachForMost(fed.map(lengthOf), mayWait(this.#steps));
    const served = fed.filter((entry) => lengthOf(entry) <= reach);
    const sampling =
      temperature === undefined ? {} : { sampling: { temperature, uniforms: uniformsOf(served, slots) } };
    const { ids, positions, most } = statesOf(fed, slots);
    const out = this.#engine.step(ids, positions, { reach, most, ...sampling });
    this.#steps++;
    const finished: DecodedSequence<T>[] = [];
    for (const entry of served) {
      const { taken, sequence } = take(entry, entry.slot * steps, out, this.#options);
      this.#tokens += taken;
      if (sequence === undefined) continue;
      this.#active[entry.slot] = undefined;
      finished.push(sequence);
    }
    return finished;
  }
}

/** Decodes all requests, as many at a time as there are slots; yields each when it is done, and after every step at the latest. */
export function* decodeAll<T>(
  decoder: BatchDecoder<T>,
  requests: Iterable<DecodeRequest<T>>,
): Generator<DecodedSequence<T>[]> {
  const source = requests[Symbol.iterator]();
  let exhausted = false;
  while (true) {
    const admitted: DecodeRequest<T>[] = [];
    for (let { room } = decoder; room > 0 && !exhausted; room--) {
      const { value, done } = source.next();
      if (done === true) exhausted = true;
      else admitted.push(value);
    }
    if (admitted.length > 0) decoder.admit(admitted);
    if (decoder.busy === 0) return;
    yield decoder.advance();
  }
}

/** A number of its own for each sequence that draws a token: [slots]. */
function uniformsOf(fed: readonly Fed<DecodeRequest<unknown>>[], slots: number): Float32Array {
  const uniforms = new Float32Array(slots);
  for (const { growing, slot } of fed) uniforms[slot] = belowOne(growing.wanted.uniform?.() ?? 0);
  return uniforms;
}

/** The number as a float32 that is still below 1: rounding up to 1 would fall off the end of the distribution. */
function belowOne(value: number): number {
  return Math.min(Math.fround(value), 1 - 2 ** -24);
}
