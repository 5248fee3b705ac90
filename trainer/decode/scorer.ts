import type { Tensor1D } from '@tensorflow/tfjs-core';
import { lmHead } from '../model/decoder.ts';
import { requireFixedAngles } from '../model/rope.ts';
import type { Program, Session, TypedArray } from '../tensor/session.ts';
import { tf } from '../tensor/tf.ts';
import { cachedHidden } from './cached-hidden.ts';
import { distribution } from './choose.ts';
import { fuses } from './fused-layers.ts';
import { BLOCK, createKvCache, eachRepeated, type KvCache, runAttention } from './kv-cache.ts';
import { ProgramSet } from './program-set.ts';
import type { DecodableModel } from './programs.ts';
import { Reaches } from './reach.ts';
import { pickEntries } from './row-groups.ts';
import { padList, placesWithoutPadding, runBatches } from './runs.ts';
import { topK } from './top-k.ts';

/** The model's view of a given sequence: entry t is the distribution after token t. */
export interface ScoreOutput {
  /** [tokens * topK], likeliest first. */
  readonly topIds: Int32Array;
  readonly topLogprobs: Float32Array;
  /** Of the token that follows there. */
  readonly logprob: Float32Array;
  /** Nats. */
  readonly entropy: Float32Array;
}

export interface ScorerOptions {
  /** Sequences kept at the same time. */
  readonly origins: number;
  /** Longest sequence in tokens. */
  readonly maxLength: number;
  /** How many of the likeliest tokens are told. */
  readonly topK: number;
  /** Distinguishes the variables and programs of several scorers in one session. */
  readonly name: string;
}

/** A sequence, and where it is kept. */
export interface Origin {
  readonly origin: number;
  readonly ids: readonly number[];
}

/** Tokens of a sequence that one run takes. */
const LENGTH = 64;

/** Sequences that run together, so that each thread has some of its own; fewer if that makes so many logits, of which several copies are needed. */
const TOGETHER = 4;
const LOGITS = 2 ** 22;

/** Runs known sequences through the model, says what it held likely at each place, and keeps their keys and values as origins to go on from. */
export class Scorer {
  readonly cache: KvCache;
  readonly topK: number;
  readonly reaches: Reaches;
  readonly #programs: ProgramSet;
  /** Whether what is at place -1 is left out. */
  readonly #skips: boolean;
  /** Of several sequences, how many run together. */
  readonly #width: number;

  constructor(session: Session, model: DecodableModel, { origins, maxLength, topK, name }: ScorerOptions) {
    const { config } = model;
    requireFixedAngles(config, maxLength);
    this.topK = Math.min(topK, config.vocabSize);
    this.#skips = fuses(session, model);
    this.reaches = new Reaches(maxLength, BLOCK, this.#skips);
    this.cache = createKvCache(session, config, `${name}.origins`, { slots: origins, blocks: this.reaches.most });
    const most = Math.floor(LOGITS / (LENGTH * config.vocabSize));
    this.#width = origins === 1 ? 1 : Math.max(1, Math.min(TOGETHER, most));
    const widths = [...new Set([1, this.#width])];
    this.#programs = new ProgramSet(
      (key) => {
        const [width, reach] = key.split('-').map(Number) as [number, number];
        return this.#declare(session, model, `${name}.score-${key}`, width, reach);
      },
      this.reaches.usual.flatMap((reach) => widths.map((width) => `${width}-${reach}`)),
    );
  }

  /** Declares its programs, which costs less before the first run of any other program of the session. */
  declare(): void {
    this.#programs.declareUsual();
  }

  /** Runs a sequence through the model and keeps it as an origin, in the place of what was kept there. */
  score(origin: number, ids: readonly number[]): ScoreOutput {
    return this.scoreAll([{ origin, ids }])[0] as ScoreOutput;
  }

  /** The same for several sequences, each with a place of its own. */
  scoreAll(items: readonly Origin[]): ScoreOutput[] {
    const k = this.topK;
    const outputs = new Map(items.map((item) => [item, emptyScore(item.ids.length, k)]));
    const width = items.length > 1 ? this.#width : 1;
    for (const batch of runBatches(items, width, LENGTH)) {
      const { runs, ids, positions } = batch;
      const rows = [...positions.keys()];
      const runOf = (row: number) => runs[Math.floor(row / LENGTH)];
      const following = rows.map((row) => runOf(row)?.item.ids[(positions[row] as number) + 1] ?? 0);
      const reach = this.reaches.of(Math.max(...runs.map(({ start, ids: own }) => start + own.length)));
      const out = this.#programs.get(`${width}-${reach}`).run({
        ids,
        positions: this.#skips ? placesWithoutPadding(batch, LENGTH) : positions,
        following: Int32Array.from(following),
        origins: padList(
          runs.map(({ item }) => item.origin),
          width,
        ),
      });
      for (const [i, { item, start, ids: own }] of runs.entries())
        for (const [name, values] of [
          ['topIds', k],
          ['topLogprobs', k],
          ['logprob', 1],
          ['entropy', 1],
        ] as const) {
          const first = i * LENGTH * values;
          const part = (out[name] as TypedArray).subarray(first, first + own.length * values);
          outputs.get(item)?.[name].set(part, start * values);
        }
    }
    return [...outputs.values()];
  }

  #declare(session: Session, model: DecodableModel, label: string, width: number, reach: number): Program {
    const { config, parameters } = model;
    const rows = { shape: [width * LENGTH], dtype: 'int32' } as const;
    const inputs = {
      ids: rows,
      positions: rows,
      following: rows,
      origins: { shape: [width], dtype: 'int32' },
    } as const;
    return session.program(label, inputs, ({ ids, positions, following, origins }) => {
      const places = positions as Tensor1D;
      const slots = eachRepeated(origins as Tensor1D, LENGTH);
      const tokens = { ids: ids as Tensor1D, positions: places, slots, cache: this.cache };
      const attend = () => runAttention(config, this.cache, origins as Tensor1D, places, reach);
      const logits = lmHead(config, parameters, cachedHidden(session, model, tokens, attend));
      const { indices, values } = topK(logits, this.topK);
      const { entropy, logSum } = distribution(logits);
      const logprob = tf.sub(pickEntries(logits, tf.reshape(following as Tensor1D, [-1, 1])), logSum);
      return { topIds: indices, topLogprobs: tf.sub(values, logSum), logprob, entropy };
    }) as Program;
  }
}

function emptyScore(tokens: number, k: number): ScoreOutput {
  return {
    topIds: new Int32Array(tokens * k),
    topLogprobs: new Float32Array(tokens * k),
    logprob: new Float32Array(tokens),
    entropy: new Float32Array(tokens),
  };
}
