import type { DecodedSequence } from './batch.ts';
import type { BranchEngine } from './branch-engine.ts';
import { type Growing, grow, started } from './growing.ts';
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

export interface BranchDecoderOptions {
  readonly eosTokenIds: ReadonlySet<number>;
  /** Choices whose margin is smaller are noted as close. Default 0: none. */
  readonly closeBelow?: number;
}

/** Continuous batching over an engine's branches: the slot of one that has ended is free for the next of its origin at once. */
export class BranchDecoder<T> {
  readonly #engine: BranchEngine;
  readonly #options: BranchDecoderOptions;
  readonly #slots: (Growing<BranchRequest<T>> | undefined)[];
  #steps = 0;
  #tokens = 0;

  constructor(engine: BranchEngine, options: BranchDecoderOptions) {
    this.#engine = engine;
    this.#options = options;
    this.#slots = Array.from({ length: engine.slots }, () => undefined);
  }

  /** Slots of an origin without a branch. */
  free(origin: number): number {
    return this.#of(origin).filter((branch) => branch === undefined).length;
  }

  get busy(): boolean {
    return this.#slots.some((branch) => branch !== undefined);
  }

  /** Steps run and tokens chosen so far. */
  get counters(): { readonly steps: number; readonly tokens: number } {
    return { steps: this.#steps, tokens: this.#tokens };
  }

  /** Gives each request a free slot of the origin; there must be enough. */
  admit(origin: number, requests: readonly BranchRequest<T>[]): void {
    let slot = origin * this.#engine.width - 1;
    for (const request of requests) {
      slot = this.#slots.indexOf(undefined, slot + 1);
      this.#slots[slot] = started(request, request.start, request.token);
    }
  }

  /** One more token for every branch but the few longest; see BatchDecoder.advance. Returns those that it ended. */
  advance(): DecodedSequence<T>[] {
    const { slots } = this.#engine;
    const states = { ids: new Int32Array(slots), positions: new Int32Array(slots), starts: new Int32Array(slots) };
    for (const [slot, branch] of this.#slots.entries()) {
      if (branch === undefined) continue;
      states.ids[slot] = branch.feed;
      states.positions[slot] = branch.position;
      states.starts[slot] = branch.wanted.start;
    }
    const active = this.#slots.filter((branch) => branch !== undefined);
    const lengthOf = ({ position, wanted }: (typeof active)[number]) => position + 1 - wanted.start;
    const reach = this.#engine.reachFor(
      active.map(({ wanted }) => wanted.start),
      active.map(lengthOf),
      mayWait(this.#steps),
    );
    const out = this.#engine.step(states, reach);
    this.#steps++;
    const ended: DecodedSequence<T>[] = [];
    for (const [slot, branch] of this.#slots.entries()) {
      if (branch === undefined || !this.#engine.serves(reach, lengthOf(branch))) continue;
      this.#tokens++;
      const sequence = grow(branch, slot, out, this.#options);
      if (sequence === undefined) continue;
      this.#slots[slot] = undefined;
      ended.push(sequence);
    }
    return ended;
  }

  #of(origin: number) {
    const { width } = this.#engine;
    return this.#slots.slice(origin * width, (origin + 1) * width);
  }
}
