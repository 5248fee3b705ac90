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
import { runBatches } from './runs.ts';
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

/** Tokens of a sequence that one run takes. */
const LENGTH = 64;

/** Runs known sequences through the model, says what it held likely at each place, and keeps their keys and values as origins to go on from. */
export class Scorer {
  readonly cache: KvCache;
  readonly topK: number;
  readonly reaches: Reaches;
  readonly #programs: ProgramSet;

  constructor(session: Session, model: DecodableModel, { origins, maxLength, topK, name }: ScorerOptions) {
    const { config } = model;
    requireFixedAngles(config, maxLength);
    this.topK = Math.min(topK, config.vocabSize);
    this.reaches = new Reaches(maxLength, BLOCK, fuses(session, model));
    this.cache = createKvCache(session, config, `${name}.origins`, { slots: origins, blocks: this.reaches.most });
    const declare = (reach: string) => this.#declare(session, model, `${name}.score-${reach}`, Number(reach));
    this.#programs = new ProgramSet(declare, this.reaches.usual.map(String));
  }

  /** Declares its programs, which costs less before the first run of any other program of the session. */
  declare(): void {
    this.#programs.declareUsual();
  }

  /** Runs a sequence through the model and keeps it as an origin, in the place of what was kept there. */
  score(origin: number, ids: readonly number[]): ScoreOutput {
    const k = this.topK;
    const output = emptyScore(ids.length, k);
    for (const { runs, ids: fed, positions } of runBatches([{ ids }], 1, LENGTH)) {
      const [{ start, ids: own }] = runs as [(typeof runs)[number]];
      const following = positions.map((position) => ids[position + 1] ?? 0);
      const program = this.#programs.get(String(this.reaches.of(start + own.length)));
      const out = program.run({ ids: fed, positions, following, origins: Int32Array.of(origin) });
      for (const [name, width] of [
        ['topIds', k],
        ['topLogprobs', k],
        ['logprob', 1],
        ['entropy', 1],
      ] as const)
        output[name].set((out[name] as TypedArray).subarray(0, own.length * width), start * width);
    }
    return output;
  }

  #declare(session: Session, model: DecodableModel, label: string, reach: number): Program {
    const { config, parameters } = model;
    const rows = { shape: [LENGTH], dtype: 'int32' } as const;
    const inputs = { ids: rows, positions: rows, following: rows, origins: { shape: [1], dtype: 'int32' } } as const;
    return session.program(label, inputs, ({ ids, positions, following, origins }) => {
      const places = positions as Tensor1D;
      const slots = eachRepeated(origins as Tensor1D, LENGTH);
      const tokens = { ids: ids as Tensor1D, positions: places, slots, cache: this.cache };
      const attend = () => runAttention(config, this.cache, origins as Tensor1D, places, reach);
      const logits = lmHead(config, parameters, cachedHidden(session, model, tokens, attend));
      const { indices, values } = topK(logits, this.topK);
      const { entropy, logSum } = distribution(logits);
      const logprob = tf.sub(pickEntries(logits, tf.reshape(following as Tensor1D, [LENGTH, 1])), logSum);
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
