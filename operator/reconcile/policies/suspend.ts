import type { CftRun } from '../../../crds/cftrun.ts';
import type { ConditionDraft } from '../conditions.ts';
import type { GroupView } from '../observe.ts';

export const SUSPENDED = 'SuspendedByUser';
export const RESUMED = 'Resumed';

export interface SuspendActions {
  readonly toSuspend: readonly { readonly name: string; readonly suspend: boolean }[];
  readonly toDelete: readonly string[];
}

/**
 * What makes the Jobs stop, or go on, as spec.suspend says. A Job keeps its finished indexes while it is suspended. With a queue the field
 * Job.spec.suspend is the queue's, so that the Job is deleted instead; its stages go on from what they left on disk.
 */
export function suspendJobs({ spec }: Pick<CftRun, 'spec'>, views: readonly GroupView[]): SuspendActions {
  const jobs = views.flatMap(({ state, job }) => (state === 'active' && job !== undefined ? [job] : []));
  if (spec.queueName !== undefined)
    return { toSuspend: [], toDelete: spec.suspend ? jobs.map(({ metadata }) => metadata.name) : [] };
  return {
    toSuspend: jobs
      .filter((job) => (job.spec.suspend ?? false) !== spec.suspend)
      .map(({ metadata }) => ({ name: metadata.name, suspend: spec.suspend })),
    toDelete: [],
  };
}

/** The condition Suspended; undefined for a run that never was. */
export function suspendedCondition({ spec, status }: Pick<CftRun, 'spec' | 'status'>): ConditionDraft | undefined {
  if (spec.suspend)
    return {
      type: 'Suspended',
      status: 'True',
      reason: SUSPENDED,
      message: 'spec.suspend is true: no pods run, finished work is kept',
    };
  const before = status?.conditions?.some(({ type }) => type === 'Suspended');
  return before ? { type: 'Suspended', status: 'False', reason: RESUMED, message: 'spec.suspend is false' } : undefined;
}
