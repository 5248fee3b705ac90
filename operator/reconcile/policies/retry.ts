import type { GroupView } from '../observe.ts';

export const BAD_INPUT = 'BadInput';
export const BACKOFF_LIMIT_EXCEEDED = 'BackoffLimitExceeded';
export const STAGE_FAILED = 'StageFailed';

/** Why a run fails. */
export interface RunFailure {
  readonly reason: string;
  readonly message: string;
}

/**
 * Why the run has failed, if it has: a group's Job gave up. Retries of a failed pod are the Job's own (backoffLimit, for shards
 * backoffLimitPerIndex), so that only the failed shard is done again, with the delays that Kubernetes puts between attempts.
 */
export function runFailure(views: readonly GroupView[]): RunFailure | undefined {
  const failed = views.find(({ state }) => state === 'failed');
  if (failed?.failure === undefined) return undefined;
  return { reason: REASONS[failed.failure.reason] ?? STAGE_FAILED, message: failed.failure.message };
}

/** What the reasons of a Job mean for its run. */
const REASONS: Readonly<Record<string, string>> = {
  PodFailurePolicy: BAD_INPUT,
  BackoffLimitExceeded: BACKOFF_LIMIT_EXCEEDED,
  FailedIndexes: BACKOFF_LIMIT_EXCEEDED,
  MaxFailedIndexesExceeded: BACKOFF_LIMIT_EXCEEDED,
};

/**
 * Groups whose Job is to be started once more, because someone deleted it before its end. The stages go on from what they left on disk.
 * A pod of the deleted Job that is still stopping comes first: two pods must not work in one directory.
 */
export function groupsToRestart(views: readonly GroupView[]): GroupView[] {
  return views.filter(({ state, alivePods }) => state === 'lost' && alivePods.length === 0);
}
