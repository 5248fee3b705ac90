import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { CftRun } from '../../crds/cftrun.ts';
import { writeJsonAtomic } from '../../crds/files.ts';
import { withInputDigests } from '../../crds/fingerprint.ts';
import { takeLock } from '../../crds/lock.ts';
import { mapSources, resolveSource, sourceFromRun } from '../../crds/source.ts';
import type { Stage } from '../../crds/stage.ts';
import { planStages, type RunPlace } from '../../crds/stages.ts';
import { type LocalOptions, type LocalOutcome, runLocally } from './local.ts';
import { endOrphans } from './orphans.ts';

export interface ExecuteOptions extends Omit<LocalOptions, 'backoffLimit'> {
  /** Removes what the run directory holds of earlier runs first. */
  readonly fresh: boolean;
  /** Told before the first stage starts: the plan, and which stages of a killed run were still running and have been ended. */
  readonly onPlan: (stages: readonly Stage[], orphans: readonly string[]) => void;
}

export interface Execution extends LocalOutcome {
  readonly stages: readonly Stage[];
}

/** What a run makes in its directory; nothing else in there is ever removed. */
const OWN = ['stages', 'generate', 'annotations', 'train', 'evaluate', 'report', 'run.json'];

/** Seconds that a stage left behind by a killed run gets to end by itself. */
const ORPHAN_PATIENCE_SECONDS = 10;

/**
 * Executes a run on this machine, in its directory, from its start or from where an earlier execution was stopped or killed.
 *
 * @throws CftError AlreadyRunning if another process executes a run in this directory
 */
export async function executeRun(run: CftRun, place: RunPlace, options: ExecuteOptions): Promise<Execution> {
  const lock = await takeLock(join(place.runDir, 'lock'), `the run directory ${place.runDir}`);
  try {
    const stages = await withInputDigests(planStages(run, place));
    const orphans = await endOrphans(stages, ORPHAN_PATIENCE_SECONDS);
    if (options.fresh) await removeOwn(place.runDir);
    await writeJsonAtomic(join(place.runDir, 'run.json'), portable(run, place));
    options.onPlan(stages, orphans);
    const outcome = await runLocally(stages, { ...options, backoffLimit: run.spec.backoffLimit });
    return { ...outcome, stages };
  } finally {
    await lock.release();
  }
}

async function removeOwn(runDir: string): Promise<void> {
  for (const name of OWN) await rm(join(runDir, name), { recursive: true, force: true });
}

/** The run with sources relative to its directory, where run.json lies: a manifest of its own. */
function portable(run: CftRun, { manifestDir, runDir }: RunPlace): CftRun {
  return mapSources(run, (source) => sourceFromRun(resolveSource(source, manifestDir), runDir));
}
