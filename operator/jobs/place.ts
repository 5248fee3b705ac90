import { posix } from 'node:path';
import type { CftRun } from '../../crds/cftrun.ts';
import { mapSources, mountedSource } from '../../crds/source.ts';
import { planStages } from '../../crds/stages.ts';
import { claimNameOf } from './claim.ts';
import { groupStages, type StageGroup } from './groups.ts';

/** Where the run's volume is mounted in a pod. Relative sources of the manifest start here. */
export const STORAGE_MOUNT = '/storage';

/** Where the stage files are mounted in a pod. */
export const STAGE_MOUNT = '/etc/cft';

/** The groups of a run's stages as they are done in pods: its directory is a folder of its volume, and pvc:// sources of that volume are paths in it. */
export function planGroups(run: CftRun): StageGroup[] {
  const folder = run.spec.storage?.persistentVolumeClaim?.subPath ?? run.metadata.name;
  const mounted = mapSources(run, (source) => mountedSource(source, claimNameOf(run), STORAGE_MOUNT));
  return groupStages(planStages(mounted, { manifestDir: STORAGE_MOUNT, runDir: posix.join(STORAGE_MOUNT, folder) }));
}
