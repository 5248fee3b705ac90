import type { Tensor1D } from '@tensorflow/tfjs-core';
import type { Program, Session } from '../tensor/session.ts';
import { type BranchReach, branchAttention, branchSlots } from './branch-attention.ts';
import { cachedGreedy, stepsAhead } from './cached-hidden.ts';
import type { Greedy } from './choose.ts';
import { filled, type StepStates } from './fed.ts';
import { fuses } from './fused-layers.ts';
import { createKvCache, type KvCache } from './kv-cache.ts';
import { ProgramSet } from './program-set.ts';
import type { DecodableModel } from './programs.ts';
import { Reaches } from './reach.ts';
import { type Origin, type ScoreOutput, Scorer } from './scorer.ts';

export interface BranchOptions {
  /** Known sequences at the same time. */
  readonly origins: number;
  /** Branches of each at the same time. */
  readonly width: number;
  /** Longest known sequence, in tokens. */
  readonly originLength: number;
  /** Longest branch, in tokens after the place that it leaves its origin at. */
  readonly branchLength: number;
  /** How many of the likeliest tokens `score` tells. */
  readonly topK: number;
  /** Tokens that a step feeds to each slot; default 1. */
  readonly run?: number;
  /** Tokens that a step chooses for each slot at most, if it feeds one and the layers are one op; else it is 1. Default: 8 for a small model. */
  readonly steps?: number;
  /** Tokens after which none is chosen; more than are taken where they are not said. */
  readonly eosTokenIds?: ReadonlySet<number>;
  /** Distinguishes the variables and programs of several engines in one session. */
  readonly name?: string;
}

export interface BranchStates extends StepStates {
  /** Of each token, how many its branch has in common with its origin. */
  readonly starts: Int32Array;
}

/** Tokens of a block of a branch: they are shorter than what they leave. */
const BRANCH_BLOCK = 64;

/**
 * Greedy decoding of branches: sequences that begin as a known one, the origin, and leave it somewhere. The keys and values of an
 * origin are computed once and read in place by all its branches, which keep only their own: no prefix is ever copied. Slots
 * `origin * width` to `origin * width + width - 1` are those of an origin.
 */
export class BranchEngine {
  readonly origins: number;
  readonly width: number;
  readonly run: number;
  readonly steps: number;
  readonly #scorer: Scorer;
  readonly #originReaches: Reaches;
  readonly #branchReaches: Reaches;
  readonly #programs: ProgramSet;
  /** Whether steps leave out what is at place -1. */
  readonly #skips: boolean;

  constructor(session: Session, model: DecodableModel, options: BranchOptions) {
    const { origins, width, originLength, branchLength, topK, run = 1, name = 'branches' } = options;
    this.origins = origins;
    this.width = width;
    this.run = run;
    this.#scorer = new Scorer(session, model, { origins, maxLength: originLength, topK, name });
    this.#originReaches = this.#scorer.reaches;
    this.#skips = fuses(session, model);
    this.steps = run === 1 ? stepsAhead(session, model, options.steps) : 1;
    this.#branchReaches = new Reaches(branchLength, BRANCH_BLOCK, this.#skips);
    const own = { slots: origins * width, blocks: this.#branchReaches.most, block: BRANCH_BLOCK, group: width };
    const branches = createKvCache(session, model.config, `${name}.cache`, own);
    this.#programs = new ProgramSet(
      (key) => {
        const [origin, branch] = key.split('-').map(Number) as [number, number];
        const caches = { origins: this.#scorer.cache, branches };
        const fed = { run, steps: this.steps, ends: options.eosTokenIds ?? new Set<number>() };
        return declareStep(session, model, `${name}.step-${key}`, { ...caches, ...fed }, { origin, branch });
      },
      this.#originReaches.usual.flatMap((origin) => this.#branchReaches.usual.map((branch) => `${origin}-${branch}`)),
    );
  }

  get slots(): number {
    return this.origins * this.width;
  }

  /** How many of the likeliest tokens `score` tells. */
  get topK(): number {
    return this.#scorer.topK;
  }

  /** Runs a sequence through the model and keeps it as an origin; branches of what was kept there before are void. */
  score(origin: number, ids: readonly number[]): ScoreOutput {
    return this.scoreAll([{ origin, ids }])[0] as ScoreOutput;
  }

  /** The same for several sequences, each with an origin of its own. */
  scoreAll(items: readonly Origin[]): ScoreOutput[] {
    this.#scorer.declare();
    this.#programs.declareUsual();
    return this.#scorer.scoreAll(items);
  }

  /**
   * What the next step can serve at the least cost: every origin, whose keys and values cost little for being shared, and all branches
   * but a few, for which it would cost all others more.
   *
   * @param starts  tokens in common with the origin, an entry a branch
   * @param lengths tokens of its own with the next one, an entry a branch
   * @param waiting part of the branches that may wait
   */
  reachFor(starts: readonly number[], lengths: readonly number[], waiting: number): BranchReach {
    return {
      origin: this.#originReaches.of(Math.max(0, ...starts)),
      branch: this.#branchReaches.ofMost(lengths, waiting),
    };
  }

  /** Whether a step of that reach serves a branch of this length; if not, it is to be fed the same again. */
  serves({ branch }: BranchReach, length: number): boolean {
    return length <= branch * BRANCH_BLOCK;
  }

  /**
   * Feeds a run of tokens to every slot and chooses what follows each of them: `run` entries a slot. Or feeds one token, chooses what follows,
   * feeds that, and so on: `steps` entries a slot.
   */
  step(
    states: BranchStates,
    { origin, branch }: BranchReach,
  ): {
    readonly next: Int32Array;
    /** Top-1 minus top-2 logit. */
    readonly margin: Float32Array;
  } {
    const fed = this.#skips ? states : filled(states, this.run);
    return this.#programs.get(`${origin}-${branch}`).run({ ...fed }) as never;
  }
}

interface StepShape {
  readonly origins: KvCache;
  readonly branches: KvCache;
  readonly run: number;
  readonly steps: number;
  readonly ends: ReadonlySet<number>;
}

function declareStep(
  session: Session,
  model: DecodableModel,
  label: string,
  { origins, branches, run, steps, ends }: StepShape,
  reach: BranchReach,
): Program {
  const { config } = model;
  const each = { shape: [branches.slots * run], dtype: 'int32' } as const;
  return session.program(label, { ids: each, positions: each, starts: each, most: each }, (inputs): Greedy => {
    const { ids, positions, starts, most } = inputs as Readonly<Record<keyof BranchStates, Tensor1D>>;
    const shared = { cache: origins, starts };
    const tokens = { ids, positions, slots: branchSlots(branches, run), cache: branches, shared };
    const attend = () => branchAttention(config, { origins, branches, starts, positions }, reach);
    return cachedGreedy(session, model, tokens, attend, { most, steps, ends });
  }) as Program;
}
