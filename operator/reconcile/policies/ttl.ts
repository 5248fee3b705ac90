import type { CftRun } from '../../../crds/cftrun.ts';
import { secondsBetween } from '../seconds.ts';

/** Whether a finished run is to be deleted, and otherwise in how many seconds; neither if it is never to be, or not finished. */
export interface Ttl {
  readonly expired: boolean;
  readonly remaining?: number;
}

/** A run goes ttlSecondsAfterFinished after its end, and its children with it. */
export function ttlAfterFinished({ spec, status }: Pick<CftRun, 'spec' | 'status'>, now: Date): Ttl {
  const ttl = spec.ttlSecondsAfterFinished;
  if (ttl === undefined || status?.completionTime === undefined) return { expired: false };
  const remaining = ttl - secondsBetween(new Date(status.completionTime), now);
  return remaining > 0 ? { expired: false, remaining } : { expired: true };
}
