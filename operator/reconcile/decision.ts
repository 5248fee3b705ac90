import type { CftRunStatus } from '../../crds/cftrun.ts';
import type { ConfigMap, Job, KubeObject } from '../kube/objects.ts';

/** Something that happened in a run, for `kubectl describe`. */
export interface RunEvent {
  readonly type: 'Normal' | 'Warning';
  /** One CamelCase word. */
  readonly reason: string;
  readonly message: string;
  /** What the event is about, with the reason unique in the run: the same happening is told once, however often it is seen. */
  readonly about: string;
}

/** What is to be done for a run now. Every part of it can be done again without harm. */
export interface Decision {
  /** PersistentVolumeClaims. */
  readonly claims: readonly KubeObject[];
  readonly configMaps: readonly ConfigMap[];
  readonly jobsToCreate: readonly Job[];
  /** Jobs whose pods are to stop, or to go on. */
  readonly jobsToSuspend: readonly { readonly name: string; readonly suspend: boolean }[];
  /** Names of Jobs. */
  readonly jobsToDelete: readonly string[];
  readonly deleteRun: boolean;
  readonly status: CftRunStatus;
  readonly events: readonly RunEvent[];
  /** Seconds until the run must be looked at again, whatever happens; undefined: only when something changes. */
  readonly requeueAfter: number | undefined;
}

/** A decision to do nothing but to write a status. */
export function leaveAs(status: CftRunStatus): Decision {
  return {
    claims: [],
    configMaps: [],
    jobsToCreate: [],
    jobsToSuspend: [],
    jobsToDelete: [],
    deleteRun: false,
    status,
    events: [],
    requeueAfter: undefined,
  };
}
