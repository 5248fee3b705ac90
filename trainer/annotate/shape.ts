import type { BranchOptions } from '../decode/branch-engine.ts';
import { CHOICES } from './alternatives.ts';
import type { Savings } from './savings.ts';

/** Rollouts of a response at the same time: enough to share its keys and values, few enough that they seldom wait for the last of them. */
const WIDTH = 8;

/** What is to be annotated; lengths in tokens. */
export interface Work {
  readonly ids: readonly string[];
  readonly longestResponse: number;
  /** Of a prompt with its response. */
  readonly longest: number;
  readonly maxNewTokens: number;
  /** Rollouts at the same time. */
  readonly batchSize: number;
}

/** The engine for a piece of work, by all of it: a stage that goes on computes in the same shapes, and to the same bits. */
export function engineShape(work: Work, { sharedPrefix, draftTokens }: Savings): BranchOptions {
  const { ids, longestResponse, longest, maxNewTokens, batchSize } = work;
  const origins = sharedPrefix ? Math.min(ids.length, Math.ceil(batchSize / WIDTH)) : batchSize;
  const width = sharedPrefix ? Math.min(Math.ceil(batchSize / origins), longestResponse) : 1;
  return { origins, width, originLength: longest, branchLength: maxNewTokens, topK: CHOICES, run: 1 + draftTokens };
}
