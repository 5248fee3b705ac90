import type { Tensor1D, Tensor2D } from '@tensorflow/tfjs-core';
import { CftError } from '../../crds/errors.ts';
import type { ModelConfig } from '../model/config.ts';
import { decoderHidden, lmHead } from '../model/decoder.ts';
import type { Parameters } from '../model/parameters.ts';
import type { Program, Session, TypedArray } from '../tensor/session.ts';
import { tf } from '../tensor/tf.ts';
import { entropy, greedy, sample } from './choose.ts';
import { copySlots, createKvCache, type KvCache, runAttention, stepAttention } from './kv-cache.ts';
import { runBatches } from './runs.ts';

/** What the engine needs of a model: its shape, and its weights in the engine's session. */
export interface DecodableModel {
  readonly config: ModelConfig;
  readonly parameters: Parameters;
}

type ProgramName = 'prefill' | 'score' | 'fork' | 'step' | 'sample';

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

/** Caches hold a multiple of this many tokens a sequence. */
const LENGTH_STEP = 32;
/** Tokens of a sequence that one prefill run takes, and of how many sequences: enough rows to keep the processor busy. */
const PREFILL_LENGTH = 32;
const PREFILL_WIDTH = 16;
/** Tokens of a sequence that one score run takes. */
const SCORE_LENGTH = 64;
/** Slots that one fork program copies. */
const FORK_WIDTH = 16;

/**
 * Batched decoding with a key/value cache in session variables. A handful of programs of fixed shapes does sequences of every length;
 * what goes in and out of them are token ids and a few numbers a sequence.
 */
export class DecodeEngine {
  readonly slots: number;
  readonly maxLength: number;
  readonly topK: number;
  readonly #session: Session;
  readonly #model: DecodableModel;
  readonly #options: EngineOptions;
  readonly #cache: KvCache;
  readonly #origins: KvCache | undefined;
  readonly #programs = new Map<string, Program>();

  constructor(session: Session, model: DecodableModel, options: EngineOptions) {
    this.slots = options.slots;
    this.maxLength = Math.ceil(options.maxLength / LENGTH_STEP) * LENGTH_STEP;
    this.topK = Math.min(options.topK ?? 0, model.config.vocabSize);
    this.#session = session;
    this.#model = model;
    this.#options = options;
    const name = options.name ?? 'decode';
    this.#cache = createKvCache(session, model.config, `${name}.cache`, options.slots, this.maxLength);
    const origins = options.origins ?? 0;
    this.#origins =
      origins === 0 ? undefined : createKvCache(session, model.config, `${name}.origins`, origins, this.maxLength);
  }

  /** Computes the keys and values of each sequence's tokens into its slot. */
  prefill(items: readonly { readonly slot: number; readonly ids: readonly number[] }[]): void {
    for (const { runs, ids, positions } of runBatches(items, this.#prefillWidth, PREFILL_LENGTH)) {
      const slots = padList(
        runs.map(({ item }) => item.slot),
        this.#prefillWidth,
      );
      this.#program('prefill').run({ ids, positions, slots });
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
        const out = this.#program('score').run({ ids, positions, following, origins: Int32Array.of(item.origin) });
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

  /** Copies origins into slots: the slot then holds the origin's whole sequence, of which a step's position uses a prefix. */
  fork(pairs: readonly { readonly origin: number; readonly slot: number }[]): void {
    for (let start = 0; start < pairs.length; start += FORK_WIDTH) {
      const part = pairs.slice(start, start + FORK_WIDTH);
      const program = this.#program('fork');
      program.run({
        from: padList(
          part.map((p) => p.origin),
          FORK_WIDTH,
        ),
        to: padList(
          part.map((p) => p.slot),
          FORK_WIDTH,
        ),
      });
    }
  }

  /**
   * Feeds one token a slot and chooses the next. Slots without a sequence are fed too: give them any token at position 0.
   *
   * @param ids       [slots] token to feed
   * @param positions [slots] its place in the slot's sequence
   * @param sampling  how to draw; greedy without it
   */
  step(
    ids: Int32Array,
    positions: Int32Array,
    sampling?: { readonly temperature: number; readonly uniforms: Float32Array },
  ): StepOutput {
    if (sampling === undefined) return this.#program('step').run({ ids, positions }) as never;
    const { temperature, uniforms } = sampling;
    const feeds = { ids, positions, temperature: new Float32Array([temperature]), uniforms };
    return this.#program('sample').run(feeds) as never;
  }

  /** How many likeliest tokens `score` tells. */
  get scoreTopK(): number {
    return Math.min(this.topK === 0 ? 3 : this.topK, this.#model.config.vocabSize);
  }

  // A program that is declared after the first run costs loading all of them again, so the usual ones are declared at once.
  #program(name: ProgramName): Program {
    for (const each of [...this.#usual, name])
      if (!this.#programs.has(each)) this.#programs.set(each, this.#declare(each));
    return this.#programs.get(name) as Program;
  }

  get #usual(): readonly ProgramName[] {
    if (this.#origins !== undefined) return ['score', 'fork', 'step'];
    return this.#options.sampling === true ? ['prefill', 'step', 'sample'] : ['prefill', 'step'];
  }

  #declare(name: ProgramName): Program {
    switch (name) {
      case 'prefill':
        return this.#declarePrefill();
      case 'score':
        return this.#declareScore();
      case 'fork':
        return this.#declareFork();
      case 'step':
        return this.#declareStep();
      case 'sample':
        return this.#declareSample();
    }
  }

  get #prefillWidth(): number {
    return Math.min(PREFILL_WIDTH, this.slots);
  }

  get #originCache(): KvCache {
    if (this.#origins === undefined) throw new CftError('Internal', 'this engine keeps no origins');
    return this.#origins;
  }

  #name(program: string): string {
    return `${this.#options.name ?? 'decode'}.${program}`;
  }

  #declarePrefill(): Program {
    const { config, parameters } = this.#model;
    const rows = this.#prefillWidth * PREFILL_LENGTH;
    const inputs = { ids: int32(rows), positions: int32(rows), slots: int32(this.#prefillWidth) };
    return this.#session.program(this.#name('prefill'), inputs, ({ ids, positions, slots }) => {
      const attend = runAttention(config, this.#cache, slots as Tensor1D, positions as Tensor1D);
      decoderHidden(config, parameters, ids as Tensor1D, positions as Tensor1D, attend);
      return {};
    }) as Program;
  }

  #declareScore(): Program {
    const { config, parameters } = this.#model;
    const row = int32(SCORE_LENGTH);
    const inputs = { ids: row, positions: row, following: row, origins: int32(1) };
    return this.#session.program(this.#name('score'), inputs, ({ ids, positions, following, origins }) => {
      const attend = runAttention(config, this.#originCache, origins as Tensor1D, positions as Tensor1D);
      const hidden = decoderHidden(config, parameters, ids as Tensor1D, positions as Tensor1D, attend);
      const logprobs = tf.logSoftmax(lmHead(config, parameters, hidden)) as Tensor2D;
      const top = tf.topk(logprobs, this.scoreTopK, true);
      const rowStarts = tf.mul(tf.range(0, SCORE_LENGTH, 1, 'int32'), tf.scalar(config.vocabSize, 'int32'));
      const logprob = tf.gather(tf.reshape(logprobs, [-1]), tf.add(rowStarts, following) as Tensor1D);
      const nats = tf.neg(tf.sum(tf.mul(tf.exp(logprobs), logprobs), 1));
      return { topIds: top.indices, topLogprobs: top.values, logprob, entropy: nats };
    }) as Program;
  }

  #declareFork(): Program {
    const { config } = this.#model;
    const origins = this.#originCache;
    return this.#session.program(
      this.#name('fork'),
      { from: int32(FORK_WIDTH), to: int32(FORK_WIDTH) },
      ({ from, to }) => {
        copySlots(config, origins, this.#cache, from as Tensor1D, to as Tensor1D);
        return {};
      },
    ) as Program;
  }

  #declareStep(): Program {
    const inputs = { ids: int32(this.slots), positions: int32(this.slots) };
    return this.#session.program(this.#name('step'), inputs, ({ ids, positions }) => {
      const logits = this.#stepLogits(ids as Tensor1D, positions as Tensor1D);
      return { ...greedy(logits), ...this.#extras(logits) };
    }) as Program;
  }

  #declareSample(): Program {
    const { slots } = this;
    const inputs = { ids: int32(slots), positions: int32(slots), temperature: float32(1), uniforms: float32(slots) };
    return this.#session.program(this.#name('sample'), inputs, ({ ids, positions, temperature, uniforms }) => {
      const logits = this.#stepLogits(ids as Tensor1D, positions as Tensor1D);
      const { margin } = greedy(logits);
      return { next: sample(logits, temperature as Tensor1D, uniforms as Tensor1D), margin, ...this.#extras(logits) };
    }) as Program;
  }

  #stepLogits(ids: Tensor1D, positions: Tensor1D): Tensor2D {
    const { config, parameters } = this.#model;
    return lmHead(
      config,
      parameters,
      decoderHidden(config, parameters, ids, positions, stepAttention(config, this.#cache, positions)),
    );
  }

  #extras(logits: Tensor2D): Record<string, Tensor2D | Tensor1D> {
    const extras: Record<string, Tensor2D | Tensor1D> = {};
    if (this.#options.entropy === true) extras.entropy = entropy(logits);
    if (this.topK > 0) {
      const top = tf.topk(tf.logSoftmax(logits), this.topK, true);
      extras.topIds = top.indices as Tensor2D;
      extras.topLogprobs = top.values as Tensor2D;
    }
    return extras;
  }
}

const int32 = (...shape: number[]) => ({ shape, dtype: 'int32' as const });
const float32 = (...shape: number[]) => ({ shape, dtype: 'float32' as const });

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
