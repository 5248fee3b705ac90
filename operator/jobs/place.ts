import { posix } from 'node:path';
import type { CftRun } from '../../crds/cftrun.ts';
import { planStages } from '../../crds/stages.ts';
import { groupStages, type StageGroup } from './groups.ts';

/** Where the run's volume is mounted in a pod. Relative sources of the manifest start here. */
export const STORAGE_MOUNT = '/storage';

/** Where the stage files are mounted in a pod. */
export const STAGE_MOUNT = '/etc/cft';

/** The groups of a run's stages as they are done in pods: its directory is a folder of its volume. */
export function planGroups(run: CftRun): StageGroup[] {
  const folder = run.spec.storage?.persistentVolumeClaim?.subPath ?? run.metadata.name;
  return groupStages(planStages(run, { manifestDir: STORAGE_MOUNT, runDir: posix.join(STORAGE_MOUNT, folder) }));
}
