import type { CftRun } from '../../../crds/cftrun.ts';
import type { ConditionDraft } from '../conditions.ts';

export const ACCEPTED = 'SpecAccepted';
export const STORAGE_REQUIRED = 'StorageRequired';
export const STORAGE_INVALID = 'StorageInvalid';
export const SPEC_INVALID = 'SpecInvalid';

/** Whether a run can be carried out in a cluster. What the schema sees by itself, the API server has rejected before. */
export function accept({ spec }: Pick<CftRun, 'spec'>): ConditionDraft {
  const claim = spec.storage?.persistentVolumeClaim;
  if (claim === undefined)
    return refuse(
      STORAGE_REQUIRED,
      'spec.storage.persistentVolumeClaim is missing: in a cluster a run keeps its files in a volume',
    );
  if (claim.subPath?.startsWith('/') || claim.subPath?.split('/').includes('..'))
    return refuse(
      STORAGE_INVALID,
      'spec.storage.persistentVolumeClaim.subPath must be a path inside the volume, without ".."',
    );
  return { type: 'Accepted', status: 'True', reason: ACCEPTED, message: 'the run can be carried out' };
}

/** The condition of a run whose spec this operator cannot read, as one written for another version. */
export function unreadable(message: string): ConditionDraft {
  return refuse(SPEC_INVALID, message);
}

function refuse(reason: string, message: string): ConditionDraft {
  return { type: 'Accepted', status: 'False', reason, message };
}
