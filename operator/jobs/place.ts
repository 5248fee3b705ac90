import { posix } from 'node:path';
import type { CftRun } from '../../crds/cftrun.ts';
import { mapSources, mountedSource } from '../../crds/source.ts';
import { planStages } from '../../crds/stages.ts';
import { claimNameOf } from './claim.ts';
import { groupStages, type StageGroup } from './groups.ts';

/** Where the run's volume is mounted in a pod. Relative sources of the manifest start here. */
export const STORAGE_MOUNT = '/storage';

/** Below this folder each other claim that a stage reads from is mounted, under its name. */
export const CLAIMS_MOUNT = '/claims';

/** Where the stage files are mounted in a pod. */
export const STAGE_MOUNT = '/etc/cft';

/** Where a claim that is not the run's own is mounted. */
export function claimMount(claim: string): string {
  return posix.join(CLAIMS_MOUNT, claim);
}

/**
 * The groups of a run's stages as they are done in pods: its directory is a folder of its volume, and pvc:// sources are paths in the
 * volumes that are mounted. What lies in the run's own volume is one source, however it is written; what lies in another counts in
 * the digests by its address.
 */
export function planGroups(run: CftRun): StageGroup[] {
  const folder = run.spec.storage?.persistentVolumeClaim?.subPath ?? run.metadata.name;
  const own = claimNameOf(run);
  const inOwn = mapSources(run, (source) =>
    mountedSource(source, (claim) => (claim === own ? STORAGE_MOUNT : undefined)),
  );
  const place = { manifestDir: STORAGE_MOUNT, runDir: posix.join(STORAGE_MOUNT, folder) };
  return groupStages(planStages(inOwn, place)).map((group) => ({
    ...group,
    stages: mapSources(group.stages, (source) => mountedSource(source, claimMount)),
  }));
}
