import type { Tensor1D, Tensor2D } from '@tensorflow/tfjs-core';
import { decoderHidden, lmHead } from '../model/decoder.ts';
import type { Attend } from '../model/parameters.ts';
import type { Session } from '../tensor/session.ts';
import { type Greedy, greedy } from './choose.ts';
import { fusedGreedy, fusedHidden, fuses, isQuick } from './fused-layers.ts';
import type { KvCache } from './kv-cache.ts';
import type { DecodableModel } from './programs.ts';

/** New tokens, those of a slot together, and what they look at. */
export interface CachedTokens {
  /** [rows] int32 token ids. */
  readonly ids: Tensor1D;
  /** [rows] int32 place of each token in its whole sequence. */
  readonly positions: Tensor1D;
  /** [rows] int32 slot of each token. */
  readonly slots: Tensor1D;
  /** Of the slots' own tokens. */
  readonly cache: KvCache;
  readonly shared?: {
    /** Of the sequences that the slots' sequences begin as; each for as many slots in a row. */
    readonly cache: KvCache;
    /** [rows] int32 how many tokens of it. */
    readonly starts: Tensor1D;
  };
}

/**
 * Final hidden states of new tokens, whose keys and values are put into their cache. A token may come several times with the same place.
 *
 * @param attend how to look at the cache where the layers are not one op
 * @returns [rows, hiddenSize] after the final norm
 */
export function cachedHidden(
  session: Session,
  model: DecodableModel,
  tokens: CachedTokens,
  attend: () => Attend,
): Tensor2D {
  if (fuses(session, model)) return fusedHidden(model, tokens);
  return decoderHidden(model.config, model.parameters, tokens.ids, tokens.positions, attend());
}

/** Few enough that a slot whose sequence has ended is not long without the next one, enough that the way to the op and back costs little. */
const STEPS = 8;

/**
 * Tokens that a step chooses after a slot's last one at most: one where the layers are not one op. With a larger model more save little, and a free
 * slot waits longer for its next sequence: there it is one unless more are wanted.
 */
export function stepsAhead(session: Session, model: DecodableModel, wanted?: number): number {
  return fuses(session, model) ? (wanted ?? (isQuick(model.config) ? STEPS : 1)) : 1;
}

/** How far to go on from new tokens with what was chosen after them. */
export interface Ahead {
  /** [rows] int32 tokens to choose after each at most: at least 1. */
  readonly most: Tensor1D;
  /** Tokens to choose at most. More than one only where the layers are one op, and each of the new tokens is of another slot. */
  readonly steps: number;
  /** Tokens after which none is chosen. */
  readonly ends: ReadonlySet<number>;
}

/** The likeliest tokens after each of the new ones, [rows * steps]; otherwise as cachedHidden. */
export function cachedGreedy(
  session: Session,
  model: DecodableModel,
  tokens: CachedTokens,
  attend: () => Attend,
  ahead: Ahead,
): Greedy {
  if (fuses(session, model)) return fusedGreedy(model, tokens, ahead);
  return greedy(lmHead(model.config, model.parameters, cachedHidden(session, model, tokens, attend)));
}
