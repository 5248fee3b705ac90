import type { DecodedSequence } from './batch.ts';
import type { BranchEngine, BranchStates } from './branch-engine.ts';
import { type Fed, statesOf } from './fed.ts';
import { type Growing, type GrowingOptions, mostOf, started, take } from './growing.ts';
import { mayWait } from './reach.ts';

/** A branch to decode. */
export interface BranchRequest<T> {
  /** Whatever the caller needs to know it again. */
  readonly tag: T;
  /** Tokens in common with the origin; after them comes `token`. */
  readonly start: number;
  readonly token: number;
  /** New tokens at most, the end token included; at least 1. */
  readonly maxNewTokens: number;
}

/** A branch that has ended. `decided`: nothing more was wanted to be known of it. */
export type DecodedBranch<T> = DecodedSequence<T, 'eos' | 'length' | 'decided'>;

export interface BranchDecoderOptions<T> {
  readonly eosTokenIds: ReadonlySet<number>;
  /** Choices whose margin is smaller are noted as close. Default 0: none. */
  readonly closeBelow?: number;
  /**
   * Guesses how a branch with these new tokens goes on. What the model would have chosen of the guess is taken, a run of it in one
   * step; the rest costs its computation. At most the engine's run less one is of use. Not asked if the run is 1.
   */
  readonly draft?: ((tag: T, ids: readonly number[]) => readonly number[]) | undefined;
  /** Whether a branch with these new tokens may end here. */
  readonly isDecided?: ((tag: T, ids: readonly number[]) => boolean) | undefined;
  /** Told of every step. */
  readonly onStep?: ((step: BranchStep) => void) | undefined;
}

/** What a step did. */
export interface BranchStep {
  /** Slots with and without a branch. */
  readonly busy: number;
  readonly idle: number;
  /** Tokens of drafts that were taken, and that were computed in vain. */
  readonly accepted: number;
  readonly rejected: number;
}

/**
 * Continuous batching over an engine's branches: the slot of one that has ended is free for the next of its origin at once. With drafts
 * a branch gets on by several tokens in a step, and they are the tokens that single steps would choose.
 */
export class BranchDecoder<T> {
  readonly #engine: BranchEngine;
  readonly #options: BranchDecoderOptions<T>;
  readonly #growing: GrowingOptions<T, 'decided'>;
  readonly #slots: (Growing<BranchRequest<T>> | undefined)[];
  #steps = 0;

  constructor(engine: BranchEngine, options: BranchDecoderOptions<T>) {
    this.#engine = engine;
    this.#options = options;
    this.#growing = { ...options, endOf: (tag, ids) => (options.isDecided?.(tag, ids) ? 'decided' : undefined) };
    this.#slots = Array.from({ length: engine.slots }, () => undefined);
  }

  /** Slots of an origin without a branch. */
  free(origin: number): number {
    const { width } = this.#engine;
    const slots = this.#slots.slice(origin * width, (origin + 1) * width);
    return slots.filter((branch) => branch === undefined).length;
  }

  get busy(): boolean {
    return this.#slots.some((branch) => branch !== undefined);
  }

  /** Gives each request a free slot of the origin; there must be enough. */
  admit(origin: number, requests: readonly BranchRequest<T>[]): void {
    let slot = origin * this.#engine.width - 1;
    for (const request of requests) {
      slot = this.#slots.indexOf(undefined, slot + 1);
      this.#slots[slot] = started(request, request.start, request.token);
    }
  }

  /** One more token at least for every branch but the few longest; see BatchDecoder.advance. Returns those that it ended. */
  advance(): DecodedBranch<T>[] {
    const { run, steps } = this.#engine;
    const fed = this.#slots.flatMap((growing, slot) =>
      growing === undefined
        ? []
        : [{ growing, slot, ids: [growing.feed, ...this.#draftOf(growing)], most: mostOf(growing, steps) }],
    );
    const lengths = fed.map(
      ({ growing, ids, most }) => growing.position + Math.max(ids.length, most) - growing.wanted.start,
    );
    const starts = fed.map(({ growing }) => growing.wanted.start);
    const reach = this.#engine.reachFor(starts, lengths, mayWait(this.#steps));
    const out = this.#engine.step(statesOfBranches(fed, this.#engine), reach);
    this.#steps++;
    const over: DecodedBranch<T>[] = [];
    let [accepted, rejected] = [0, 0];
    for (const [index, entry] of fed.entries()) {
      if (!this.#engine.serves(reach, lengths[index] as number)) continue;
      const { slot, ids } = entry;
      const { taken, sequence } = take(entry, slot * run * steps, out, this.#growing);
      const right = Math.min(taken, ids.length);
      accepted += right - 1;
      rejected += ids.length - right;
      if (sequence === undefined) continue;
      this.#slots[slot] = undefined;
      over.push(sequence);
    }
    this.#options.onStep?.({ busy: fed.length, idle: this.#slots.length - fed.length, accepted, rejected });
    return over;
  }

  #draftOf({ wanted, ids }: Growing<BranchRequest<T>>): readonly number[] {
    const room = Math.min(this.#engine.run, wanted.maxNewTokens - ids.length) - 1;
    return room < 1 ? [] : (this.#options.draft?.(wanted.tag, ids).slice(0, room) ?? []);
  }
}

function statesOfBranches(
  fed: readonly Fed<BranchRequest<unknown>>[],
  { slots, run }: Pick<BranchEngine, 'slots' | 'run'>,
): BranchStates {
  const starts = new Int32Array(slots * run);
  for (const { growing, slot } of fed) starts.fill(growing.wanted.start, slot * run, (slot + 1) * run);
  return { ...statesOf(fed, slots, run), starts };
}
