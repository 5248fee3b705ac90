import type { SavingsSpec } from '../../crds/spec/rollout.ts';
import type { BranchStep } from '../decode/branch-decoder.ts';
import type { RolloutResult } from './rollout.ts';

/** What batched annotation leaves out of the definition's work. None of it changes a mask; each can be turned off, to see what it is worth. */
export type Savings = SavingsSpec;

/** What each saving did, one rollout or step at a time; for counters. */
export interface SavingsObserver {
  /** A rollout was made. `decoded`: tokens chosen; `shared`: tokens that it read instead of computing them. */
  readonly onRollout?: (rollout: {
    readonly outcome: 'correct' | 'wrong';
    readonly decoded: number;
    readonly shared: number;
    readonly finish: RolloutResult['finish'];
  }) => void;
  readonly onStep?: (step: BranchStep) => void;
}
