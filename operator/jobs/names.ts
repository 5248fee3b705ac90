import { createHash } from 'node:crypto';
import type { CftRun } from '../../crds/cftrun.ts';
import { KIND } from '../../crds/cftrun.ts';
import { labelOf } from '../../crds/stage-name.ts';
import type { OwnerReference } from '../kube/objects.ts';

/** Who manages an object: what the operator watches is told by this label. */
export const MANAGED_BY = { 'app.kubernetes.io/managed-by': 'cft-operator' } as const;
export const MANAGED_SELECTOR = 'app.kubernetes.io/managed-by=cft-operator';

export const LABEL = {
  run: 'cft.dev/run',
  stage: 'cft.dev/stage',
  kind: 'cft.dev/kind',
  attempt: 'cft.dev/attempt',
  queue: 'kueue.x-k8s.io/queue-name',
} as const;

/** Room for the index and the random part that Kubernetes puts behind the name of a Job for its pods. */
const MAX_JOB_NAME = 52;
const HASH_LENGTH = 8;

/**
 * Name of a child. It ends in a hash of the run's uid and of the whole name, so that neither a run of the same name that is still being
 * deleted nor one with a similar name can own it already.
 */
export function childName(run: CftRun, ...parts: string[]): string {
  const hash = createHash('sha256')
    .update(JSON.stringify([run.metadata.uid, ...parts]))
    .digest('hex')
    .slice(0, HASH_LENGTH);
  const readable = [run.metadata.name.replaceAll('.', '-'), ...parts.slice(0, 1)];
  return `${labelOf(readable, MAX_JOB_NAME - HASH_LENGTH - 1)}-${hash}`;
}

/** Name of the Job of a group's attempt, counted from 1. */
export function jobName(run: CftRun, group: string, attempt: number): string {
  return childName(run, group, String(attempt));
}

/** The reference by which the garbage collector deletes a child with its run. */
export function ownerReference(run: CftRun): OwnerReference {
  return {
    apiVersion: run.apiVersion,
    kind: KIND,
    name: run.metadata.name,
    uid: run.metadata.uid ?? '',
    controller: true,
    blockOwnerDeletion: true,
  };
}

export function childLabels(run: CftRun): Record<string, string> {
  return { 'app.kubernetes.io/name': 'cft', ...MANAGED_BY, [LABEL.run]: run.metadata.name };
}
