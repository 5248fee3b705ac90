import type { CftRun } from '../../crds/cftrun.ts';
import type { StageGroup } from '../jobs/groups.ts';
import type { JobSettings } from '../jobs/job.ts';
import { jobName, LABEL } from '../jobs/names.ts';
import type { Job, Pod } from '../kube/objects.ts';
import type { LiveProgress } from '../progress/ask.ts';
import { attemptsOf } from './recorded.ts';

/** All that is known of a run when it is decided on. */
export interface Facts {
  /** With defaults filled in, and the status that was last written. */
  readonly run: CftRun;
  readonly groups: readonly StageGroup[];
  /** The Jobs and pods that are the run's own. */
  readonly jobs: readonly Job[];
  readonly pods: readonly Pod[];
  /** By uid of the pod. */
  readonly progress: ReadonlyMap<string, LiveProgress>;
  readonly now: Date;
  readonly settings: JobSettings;
}

/** The attempt that a Job or pod belongs to, counted from 1. */
export function attemptOf({ metadata }: Pick<Job, 'metadata'>): number {
  return Number(metadata.labels?.[LABEL.attempt] ?? 0);
}

/** The group that a Job or pod belongs to. */
export function groupOf({ metadata }: Pick<Job, 'metadata'>): string | undefined {
  return metadata.labels?.[LABEL.stage];
}

/**
 * Names of Jobs that must be there by the run's status. One that is not in a cache may be missing from the cache only: whoever gathers
 * the facts asks the API server itself, since a Job taken for lost is started once more.
 */
export function expectedJobs(run: CftRun, groups: readonly StageGroup[]): string[] {
  return groups.flatMap((group) => {
    const { attempts, settled } = attemptsOf(run.status, group);
    return attempts > 0 && !settled ? [jobName(run, group.name, attempts)] : [];
  });
}
