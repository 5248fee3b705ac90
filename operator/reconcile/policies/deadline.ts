import type { CftRun } from '../../../crds/cftrun.ts';
import { conditionOf } from '../conditions.ts';
import { secondsBetween } from '../seconds.ts';
import type { RunFailure } from './retry.ts';

export const DEADLINE_EXCEEDED = 'DeadlineExceeded';

/** Whether a run has used up its activeDeadlineSeconds, and otherwise how many seconds it has left; neither while no clock runs. */
export interface Deadline {
  readonly exceeded?: RunFailure;
  readonly remaining?: number;
}

/**
 * The clock starts with the first stage, stops in suspension, and starts anew after it, as in batch/v1.
 */
export function activeDeadline({ spec, status }: Pick<CftRun, 'spec' | 'status'>, now: Date): Deadline {
  const limit = spec.activeDeadlineSeconds;
  if (limit === undefined || spec.suspend || status?.startTime === undefined) return {};
  const suspended = conditionOf(status.conditions, 'Suspended');
  if (suspended?.status === 'True') return {};
  const since = Math.max(
    Date.parse(status.startTime),
    suspended === undefined ? 0 : Date.parse(suspended.lastTransitionTime),
  );
  const remaining = limit - secondsBetween(new Date(since), now);
  if (remaining > 0) return { remaining };
  return {
    exceeded: {
      reason: DEADLINE_EXCEEDED,
      message: `the run was active for longer than ${limit} s (activeDeadlineSeconds)`,
    },
  };
}
