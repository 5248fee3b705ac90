import { requireFixedAngles } from '../model/rope.ts';
import type { Program, Session } from '../tensor/session.ts';
import { stepsAhead } from './cached-hidden.ts';
import { filled } from './fed.ts';
import { fuses } from './fused-layers.ts';
import { BLOCK, createKvCache } from './kv-cache.ts';
import { ProgramSet } from './program-set.ts';
import {
  type DecodableModel,
  declareProgram,
  isPlain,
  PREFILL_LENGTH,
  type ProgramName,
  type ProgramSettings,
  prefillWidth,
} from './programs.ts';
import { Reaches } from './reach.ts';
import { padList, placesWithoutPadding, type Run, runBatches } from './runs.ts';

export type { DecodableModel } from './programs.ts';

export interface EngineOptions {
  /** Sequences that decode at the same time. */
  readonly slots: number;
  /** Longest sequence, prompt included, in tokens. */
  readonly maxLength: number;
  /** How many of the likeliest tokens `step` tells; 0 or unset: none. */
  readonly topK?: number;
  /** Whether step tells the entropy of each distribution. */
  readonly entropy?: boolean;
  /** Whether `step` will be asked to sample as well: what that needs is then declared with the rest. */
  readonly sampling?: boolean;
  /** Tokens that a greedy step chooses for each slot at most, if the layers are one op and it tells nothing else of them; else it is 1. Default: 8 for a small model. */
  readonly steps?: number;
  /** Tokens after which none is chosen; more than are taken where they are not said. */
  readonly eosTokenIds?: ReadonlySet<number>;
  /** Distinguishes the variables and programs of several engines in one session. */
  readonly name?: string;
}

/** One step's outcome: `steps` entries a slot, of a sampled step one. */
export interface StepOutput {
  readonly next: Int32Array;
  /** Top-1 minus top-2 logit. */
  readonly margin: Float32Array;
  /** Nats; set if asked for. */
  readonly entropy?: Float32Array;
  /** topK for each entry, likeliest first; set if asked for. */
  readonly topIds?: Int32Array;
  readonly topLogprobs?: Float32Array;
}

/**
 * Batched decoding with a key/value cache in session variables. A handful of programs of fixed shapes does sequences of every length;
 * what goes in and out of them are token ids and a few numbers a sequence.
 */
export class DecodeEngine {
  readonly #reaches: Reaches;
  readonly #settings: ProgramSettings;
  readonly #programs: ProgramSet;
  /** Whether steps leave out what is at place -1. */
  readonly #skips: boolean;

  constructor(session: Session, model: DecodableModel, options: EngineOptions) {
    const { slots, maxLength, topK = 0, sampling = false, name = 'decode' } = options;
    const { config } = model;
    requireFixedAngles(config, maxLength);
    this.#skips = fuses(session, model);
    this.#reaches = new Reaches(maxLength, BLOCK, this.#skips);
    const told = { topK: Math.min(topK, config.vocabSize), entropy: options.entropy === true };
    const settings = {
      ...{ session, model, ...told },
      cache: createKvCache(session, config, `${name}.cache`, { slots, blocks: this.#reaches.most }),
      steps: isPlain(told) ? stepsAhead(session, model, options.steps) : 1,
      ends: options.eosTokenIds ?? new Set<number>(),
    };
    this.#settings = settings;
    const kinds = sampling ? ['prefill', 'step', 'sample'] : ['prefill', 'step'];
    this.#programs = new ProgramSet(
      (key) => {
        const [kind, reach] = key.split('-') as [ProgramName, string];
        return declareProgram(kind, `${name}.${key}`, Number(reach), settings);
      },
      this.#reaches.usual.flatMap((reach) => kinds.map((kind) => `${kind}-${reach}`)),
    );
  }

  get slots(): number {
    return this.#settings.cache.slots;
  }

  /** Longest sequence, in tokens: at least what was asked for. */
  get maxLength(): number {
    return this.#reaches.most * BLOCK;
  }

  /** Tokens that a greedy step chooses for a slot at most. */
  get steps(): number {
    return this.#settings.steps;
  }

  /** How many likeliest tokens `step` tells. */
  get topK(): number {
    return this.#settings.topK;
  }

  /** Computes the keys and values of each sequence's tokens into its slot. */
  prefill(items: readonly { readonly slot: number; readonly ids: readonly number[] }[]): void {
    const width = prefillWidth(this.#settings.cache);
    for (const batch of runBatches(items, width, PREFILL_LENGTH)) {
      const { runs, ids } = batch;
      const positions = this.#skips ? placesWithoutPadding(batch, PREFILL_LENGTH) : batch.positions;
      const slots = padList(
        runs.map(({ item }) => item.slot),
        width,
      );
      this.#program('prefill', reachOf(runs)).run({ ids, positions, slots });
    }
  }

  /**
   * Feeds one token a slot and chooses the next; without sampling up to `steps` of them, each fed to choose the one after it.
   *
   * @param ids       [slots] token to feed
   * @param positions [slots] its place in the slot's sequence; -1: the slot has none
   * @param options   `reach`: the longest sequence to be served, in tokens with the new ones; a slot whose sequence is longer gets nothing of
   *                  meaning and is to be fed the same again. Default: all. `most`: [slots] tokens to choose of the `steps`; default 1.
   *                  `sampling`: how to draw; greedy without it.
   */
  step(
    ids: Int32Array,
    positions: Int32Array,
    options: {
      readonly reach?: number;
      readonly most?: Int32Array;
      readonly sampling?: { readonly temperature: number; readonly uniforms: Float32Array };
    } = {},
  ): StepOutput {
    const { reach = this.maxLength, most = new Int32Array(this.slots).fill(1), sampling } = options;
    const fed = this.#skips ? { ids, positions } : filled({ ids, positions });
    if (sampling === undefined) return this.#program('step', reach).run({ ...fed, most }) as never;
    const { temperature, uniforms } = sampling;
    const drawn = { temperature: new Float32Array([temperature]), uniforms };
    return this.#program('sample', reach).run({ ...fed, ...drawn }) as never;
  }

  /** The reach, in tokens, of the cheapest step that serves sequences of this length. */
  reachFor(length: number): number {
    return this.#reaches.of(length) * BLOCK;
  }

  /** The same for all of these lengths but a part of them, the longest, which may wait. */
  reachForMost(lengths: readonly number[], waiting: number): number {
    return this.#reaches.ofMost(lengths, waiting) * BLOCK;
  }

  #program(name: ProgramName, length: number): Program {
    return this.#programs.get(`${name}-${this.#reaches.of(length)}`);
  }
}

/** Length of the longest sequence in a batch of runs, these included. */
function reachOf(runs: readonly Run<unknown>[]): number {
  return Math.max(...runs.map(({ start, ids }) => start + ids.length));
}
