import { join } from 'node:path';
import { lockHolder, runsHere } from '../../crds/lock.ts';
import type { Stage } from '../../crds/stage.ts';
import { stageDirectory } from './stage-files.ts';

const POLL_MILLISECONDS = 50;

/**
 * Ends the stages that an earlier, killed `cft run` has left running on this machine, so that no two processes write to one stage. They
 * are told apart from other processes by what their locks say. Whatever the moment of the kill, they can be started again.
 *
 * @param patience seconds that they get to end by themselves
 * @returns the names of the stages that were still running
 */
export async function endOrphans(stages: readonly Stage[], patience: number): Promise<string[]> {
  const ended: string[] = [];
  for (const stage of stages) {
    const holder = await lockHolder(join(stageDirectory(stage), 'lock'));
    if (holder === undefined || !runsHere(holder)) continue;
    ended.push(stage.name);
    signalIfThere(holder.pid, 'SIGTERM');
    const deadline = performance.now() + patience * 1000;
    while (runsHere(holder)) {
      if (performance.now() > deadline) signalIfThere(holder.pid, 'SIGKILL');
      await new Promise((resolve) => setTimeout(resolve, POLL_MILLISECONDS));
    }
  }
  return ended;
}

function signalIfThere(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It ended by itself in the meantime.
  }
}
