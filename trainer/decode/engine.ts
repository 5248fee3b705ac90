import type { Tensor1D, Tensor2D } from '@tensorflow/tfjs-core';
import type { ModelConfig } from '../model/config.ts';
import { causalAttention, decoderHidden, lmHead } from '../model/decoder.ts';
import type { Parameters } from '../model/parameters.ts';
import type { Program, Session, TypedArray } from '../tensor/session.ts';
import { tf } from '../tensor/tf.ts';
import { entropy, greedy, sample } from './choose.ts';
import { copySlots, createKvCache, fillCache, type KvCache, stepAttention } from './kv-cache.ts';

/** What the engine needs of a model: its shape, and its weights in the engine's session. */
export interface DecodableModel {
  readonly config: ModelConfig;
  readonly parameters: Parameters;
}

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

/** Sequences are padded to a multiple of this: few programs, little waste. */
const LENGTH_STEP = 32;
/** Rows of a prefill or score program at most, so that its activations stay small. */
const MAX_ROWS = 2048;
/** Logits of a score program at most: 64 Mi floats, 256 MiB. */
const MAX_LOGITS = 1 << 26;
/** Slots that one fork program copies. */
const FORK_WIDTH = 16;

/** The smallest padded length that holds `length` tokens. */
export function paddedLength(length: number): number {
  return Math.max(LENGTH_STEP, Math.ceil(length / LENGTH_STEP) * LENGTH_STEP);
}

/**
 * Batched decoding with a key/value cache in session variables. Programs are declared when first needed, one a padded
 * length; what goes in and out of them are token ids and a few numbers a sequence.
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
    this.maxLength = paddedLength(options.maxLength);
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
    for (const { width, length, chunk } of chunks(items, (item) => item.ids.length, MAX_ROWS)) {
      const program = this.#program(`prefill-${width}x${length}`, () => this.#declarePrefill(width, length));
      program.run({
        ids: padRows(chunk, width, length),
        slots: padList(
          chunk.map((item) => item.slot),
          width,
        ),
      });
    }
  }

  /**
   * Runs whole sequences through the model, keeps them as origins and says, for each of their tokens, what the model held likely.
   *
   * @returns for each item, in their order, arrays over its tokens: entry t is the distribution after token t, logprob of the token that follows there
   */
  score(items: readonly { readonly origin: number; readonly ids: readonly number[] }[]): ScoreOutput[] {
    const maxRows = Math.max(1, Math.min(MAX_ROWS, Math.floor(MAX_LOGITS / this.#model.config.vocabSize)));
    const outputs = new Map<object, ScoreOutput>();
    for (const { width, length, chunk } of chunks(items, (item) => item.ids.length, maxRows)) {
      const program = this.#program(`score-${width}x${length}`, () => this.#declareScore(width, length));
      const ids = padRows(chunk, width, length);
      const following = padRows(
        chunk.map((item) => ({ ids: item.ids.slice(1) })),
        width,
        length,
      );
      const out = program.run({
        ids,
        following,
        origins: padList(
          chunk.map((item) => item.origin),
          width,
        ),
      });
      for (const [row, item] of chunk.entries())
        outputs.set(item, sliceScore(out as never, row * length, item.ids.length, this.scoreTopK));
    }
    return items.map((item) => outputs.get(item) as ScoreOutput);
  }

  /** Copies origins into slots: the slot then holds the origin's whole sequence, of which a step's position uses a prefix. */
  fork(pairs: readonly { readonly origin: number; readonly slot: number }[]): void {
    for (let start = 0; start < pairs.length; start += FORK_WIDTH) {
      const part = pairs.slice(start, start + FORK_WIDTH);
      const program = this.#program('fork', () => this.#declareFork());
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
    if (sampling === undefined)
      return this.#program('step', () => this.#declareStep()).run({ ids, positions }) as never;
    const { temperature, uniforms } = sampling;
    const feeds = { ids, positions, temperature: new Float32Array([temperature]), uniforms };
    return this.#program('sample-step', () => this.#declareSampleStep()).run(feeds) as never;
  }

  /** How many likeliest tokens `score` tells. */
  get scoreTopK(): number {
    return Math.min(this.topK === 0 ? 3 : this.topK, this.#model.config.vocabSize);
  }

  #program(name: string, declare: () => Program): Program {
    const known = this.#programs.get(name);
    if (known !== undefined) return known;
    const program = declare();
    this.#programs.set(name, program);
    return program;
  }

  #name(program: string): string {
    return `${this.#options.name ?? 'decode'}.${program}`;
  }

  #declarePrefill(width: number, length: number): Program {
    const { config, parameters } = this.#model;
    const inputs = { ids: int32(width * length), slots: int32(width) };
    return this.#session.program(this.#name(`prefill-${width}x${length}`), inputs, ({ ids, slots }) => {
      const attend = fillCache(config, this.#cache, causalAttention(config, width, length), slots as Tensor1D, length);
      decoderHidden(config, parameters, ids as Tensor1D, rowPositions(width, length), attend);
      return {};
    }) as Program;
  }

  #declareScore(width: number, length: number): Program {
    const { config, parameters } = this.#model;
    const inputs = { ids: int32(width * length), following: int32(width * length), origins: int32(width) };
    return this.#session.program(this.#name(`score-${width}x${length}`), inputs, ({ ids, following, origins }) => {
      const causal = causalAttention(config, width, length);
      const attend =
        this.#origins === undefined ? causal : fillCache(config, this.#origins, causal, origins as Tensor1D, length);
      const hidden = decoderHidden(config, parameters, ids as Tensor1D, rowPositions(width, length), attend);
      const logprobs = tf.logSoftmax(lmHead(config, parameters, hidden)) as Tensor2D;
      const top = tf.topk(logprobs, this.scoreTopK, true);
      const chosen = tf.gather(
        tf.reshape(logprobs, [-1]),
        tf.add(
          tf.mul(tf.range(0, width * length, 1, 'int32'), tf.scalar(config.vocabSize, 'int32')),
          following,
        ) as Tensor1D,
      );
      const nats = tf.neg(tf.sum(tf.mul(tf.exp(logprobs), logprobs), 1));
      return { topIds: top.indices, topLogprobs: top.values, logprob: chosen, entropy: nats };
    }) as Program;
  }

  #declareFork(): Program {
    const { config } = this.#model;
    const origins = this.#origins as KvCache;
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

  #declareSampleStep(): Program {
    const { slots } = this;
    const inputs = { ids: int32(slots), positions: int32(slots), temperature: float32(1), uniforms: float32(slots) };
    return this.#session.program(this.#name('sample-step'), inputs, ({ ids, positions, temperature, uniforms }) => {
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

/** Positions 0..length-1 for each of `width` sequences, as one row list. */
function rowPositions(width: number, length: number): Tensor1D {
  return tf.tile(tf.range(0, length, 1, 'int32'), [width]);
}

/** Items of like padded length together, in programs of a few widths: powers of two up to what `maxRows` allows. */
function chunks<T>(
  items: readonly T[],
  lengthOf: (item: T) => number,
  maxRows: number,
): { width: number; length: number; chunk: T[] }[] {
  const byLength = Map.groupBy(items, (item) => paddedLength(lengthOf(item)));
  return [...byLength].flatMap(([length, group]) => {
    const widest = 2 ** Math.floor(Math.log2(Math.max(1, maxRows / length)));
    const parts = [];
    for (let start = 0; start < group.length; start += widest) {
      const chunk = group.slice(start, start + widest);
      parts.push({ width: Math.min(widest, 2 ** Math.ceil(Math.log2(chunk.length))), length, chunk });
    }
    return parts;
  });
}

/** Sequences as [width * length] ids, padded with zeros on the right; missing ones repeat the last, which writes the same again. */
function padRows(items: readonly { readonly ids: readonly number[] }[], width: number, length: number): Int32Array {
  const rows = new Int32Array(width * length);
  for (let row = 0; row < width; row++) rows.set(items[Math.min(row, items.length - 1)]?.ids ?? [], row * length);
  return rows;
}

function padList(values: readonly number[], width: number): Int32Array {
  return Int32Array.from({ length: width }, (_, i) => values[Math.min(i, values.length - 1)] ?? 0);
}

function sliceScore(out: Record<keyof ScoreOutput, TypedArray>, start: number, count: number, k: number): ScoreOutput {
  return {
    topIds: out.topIds.slice(start * k, (start + count) * k) as Int32Array,
    topLogprobs: out.topLogprobs.slice(start * k, (start + count) * k) as Float32Array,
    logprob: out.logprob.slice(start, start + count) as Float32Array,
    entropy: out.entropy.slice(start, start + count) as Float32Array,
  };
}
