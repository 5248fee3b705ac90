import { requireFixedAngles } from '../model/rope.ts';
import type { Program, Session, TypedArray } from '../tensor/session.ts';
import { BLOCK, createKvCache } from './kv-cache.ts';
import {
  type DecodableModel,
  declareProgram,
  FORK_WIDTH,
  PREFILL_LENGTH,
  type ProgramName,
  type ProgramSettings,
  prefillWidth,
  SCORE_LENGTH,
} from './programs.ts';
import { type Run, runBatches } from './runs.ts';

export type { DecodableModel } from './programs.ts';

export interface EngineOptions {
  /** Sequences that decode at the same time. */
  readonly slots: number;
  /** Longest sequence, prompt included, in tokens. */
  readonly maxLength: number;
  /** Sequences kept as origins to fork from; 0 if none. */
  readonly origins?: number;
  /** How many of the likeliest tokens `step` and `score` tell; 0 or unset: none from step, 3 from score. */
  readonly topK?: number;
  /** Whether step tells the entropy of each distribution. */
  readonly entropy?: boolean;
  /** Whether `step` will be asked to sample as well: what that needs is then declared with the rest. */
  readonly sampling?: boolean;
  /** Distinguishes the variables and programs of several engines in one session. */
  readonly name?: string;
}

/** One decode step's outcome, an entry a slot. */
export interface StepOutput {
  readonly next: Int32Array;
  /** Top-1 minus top-2 logit. */
  readonly margin: Float32Array;
  /** Nats; set if asked for. */
  readonly entropy?: Float32Array;
  /** [slots * topK], likeliest first; set if asked for. */
  readonly topIds?: Int32Array;
  readonly topLogprobs?: Float32Array;
}

/** The model's view of a given sequence: for each row the distribution over the token after it. */
export interface ScoreOutput {
  readonly topIds: Int32Array;
  readonly topLogprobs: Float32Array;
  readonly logprob: Float32Array;
  readonly entropy: Float32Array;
}

/** Up to so many reaches all programs are declared before the first run; with more, those that are needed when they are. */
const REACHES_AT_ONCE = 4;

/**
 * Batched decoding with a key/value cache in session variables. A handful of programs of fixed shapes does sequences of every length;
 * what goes in and out of them are token ids and a few numbers a sequence.
 */
export class DecodeEngine {
  readonly #name: string;
  /** In blocks, rising: how much of the cache programs can look at. */
  readonly #reaches: readonly number[];
  readonly #usual: readonly ProgramName[];
  readonly #settings: ProgramSettings;
  readonly #programs = new Map<string, Program>();

  constructor(session: Session, model: DecodableModel, options: EngineOptions) {
    const { slots, maxLength, origins = 0, topK = 0, sampling = false, name = 'decode' } = options;
    const { config } = model;
    requireFixedAngles(config, maxLength);
    const blocks = Math.ceil(maxLength / BLOCK);
    this.#name = name;
    this.#reaches = reaches(blocks);
    this.#usual =
      origins > 0 ? ['score', 'fork', 'step'] : sampling ? ['prefill', 'step', 'sample'] : ['prefill', 'step'];
    this.#settings = {
      session,
      model,
      cache: createKvCache(session, config, `${name}.cache`, slots, blocks),
      origins: origins === 0 ? undefined : createKvCache(session, config, `${name}.origins`, origins, blocks),
      topK: Math.min(topK, config.vocabSize),
      scoreTopK: Math.min(topK === 0 ? 3 : topK, config.vocabSize),
      entropy: options.entropy === true,
    };
  }

  get slots(): number {
    return this.#settings.cache.slots;
  }

  /** Longest sequence, in tokens: at least what was asked for. */
  get maxLength(): number {
    return this.#settings.cache.blocks * BLOCK;
  }

  /** How many likeliest tokens `step` tells. */
  get topK(): number {
    return this.#settings.topK;
  }

  /** How many likeliest tokens `score` tells. */
  get scoreTopK(): number {
    return this.#settings.scoreTopK;
  }

  /** Computes the keys and values of each sequence's tokens into its slot. */
  prefill(items: readonly { readonly slot: number; readonly ids: readonly number[] }[]): void {
    const width = prefillWidth(this.#settings.cache);
    for (const { runs, ids, positions } of runBatches(items, width, PREFILL_LENGTH)) {
      const slots = padList(
        runs.map(({ item }) => item.slot),
        width,
      );
      this.#program('prefill', reachOf(runs)).run({ ids, positions, slots });
    }
  }

  /**
   * Runs whole sequences through the model, keeps them as origins and says, for each of their tokens, what the model held likely.
   *
   * @returns for each item, in their order, arrays over its tokens: entry t is the distribution after token t, logprob of the token that follows there
   */
  score(items: readonly { readonly origin: number; readonly ids: readonly number[] }[]): ScoreOutput[] {
    const k = this.scoreTopK;
    return items.map((item) => {
      const output = emptyScore(item.ids.length, k);
      for (const { runs, ids, positions } of runBatches([item], 1, SCORE_LENGTH)) {
        const [{ start, ids: own }] = runs as [(typeof runs)[number]];
        const following = positions.map((position) => item.ids[position + 1] ?? 0);
        const program = this.#program('score', reachOf(runs));
        const out = program.run({ ids, positions, following, origins: Int32Array.of(item.origin) });
        for (const [name, width] of [
          ['topIds', k],
          ['topLogprobs', k],
          ['logprob', 1],
          ['entropy', 1],
        ] as const)
          output[name].set((out[name] as TypedArray).subarray(0, own.length * width), start * width);
      }
      return output;
    });
  }

  /** Copies the first `length` tokens of origins into slots, which may go on from any place in there. */
  fork(pairs: readonly { readonly origin: number; readonly slot: number; readonly length: number }[]): void {
    for (let start = 0; start < pairs.length; start += FORK_WIDTH) {
      const part = pairs.slice(start, start + FORK_WIDTH);
      const from = padList(
        part.map(({ origin }) => origin),
        FORK_WIDTH,
      );
      const to = padList(
        part.map(({ slot }) => slot),
        FORK_WIDTH,
      );
      this.#program('fork', Math.max(...part.map(({ length }) => length))).run({ from, to });
    }
  }

  /**
   * Feeds one token a slot and chooses the next. Slots without a sequence are fed too: give them any token at position 0.
   *
   * @param ids       [slots] token to feed
   * @param positions [slots] its place in the slot's sequence
   * @param options   `reach`: the longest sequence to be served, in tokens with the new one; a slot whose sequence is longer gets nothing of
   *                  meaning and is to be fed the same again. Default: all. `sampling`: how to draw; greedy without it.
   */
  step(
    ids: Int32Array,
    positions: Int32Array,
    options: {
      readonly reach?: number;
      readonly sampling?: { readonly temperature: number; readonly uniforms: Float32Array };
    } = {},
  ): StepOutput {
    const { reach = this.maxLength, sampling } = options;
    if (sampling === undefined) return this.#program('step', reach).run({ ids, positions }) as never;
    const { temperature, uniforms } = sampling;
    const feeds = { ids, positions, temperature: new Float32Array([temperature]), uniforms };
    return this.#program('sample', reach).run(feeds) as never;
  }

  /** The reach, in tokens, of the cheapest step that serves sequences of this length. */
  reachFor(length: number): number {
    const blocks = this.#reaches.find((some) => some * BLOCK >= length);
    return blocks === undefined ? this.maxLength : blocks * BLOCK;
  }

  // A program that is declared after the first run costs loading all of them again, so the usual ones are declared at once.
  #program(name: ProgramName, length: number): Program {
    const wanted = this.reachFor(length) / BLOCK;
    const together = this.#reaches.length <= REACHES_AT_ONCE ? this.#reaches : [wanted];
    const key = (each: ProgramName, reach: number) => `${this.#name}.${each}-${reach}`;
    if (!this.#programs.has(key(name, wanted)))
      for (const reach of together)
        for (const each of new Set([...this.#usual, name])) {
          const label = key(each, reach);
          if (!this.#programs.has(label)) this.#programs.set(label, declareProgram(each, label, reach, this.#settings));
        }
    return this.#programs.get(key(name, wanted)) as Program;
  }
}

/** 1, 2, 3, 4, 6, 8, 12, 16, ... up to all blocks: two between a power of two and the next, so that at most half as much again is looked at. */
function reaches(blocks: number): number[] {
  const sizes = [];
  for (let power = 1; power < blocks; power *= 2) sizes.push(power, 1.5 * power);
  return [...sizes.filter((size) => Number.isInteger(size) && size < blocks), blocks];
}

/** Length of the longest sequence in a batch of runs, these included. */
function reachOf(runs: readonly Run<unknown>[]): number {
  return Math.max(...runs.map(({ start, ids }) => start + ids.length));
}

function padList(values: readonly number[], width: number): Int32Array {
  return Int32Array.from({ length: width }, (_, i) => values[Math.min(i, values.length - 1)] ?? 0);
}

function emptyScore(tokens: number, k: number): ScoreOutput {
  return {
    topIds: new Int32Array(tokens * k),
    topLogprobs: new Float32Array(tokens * k),
    logprob: new Float32Array(tokens),
    entropy: new Float32Array(tokens),
  };
}
