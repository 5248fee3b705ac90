import type { CftRunStatus } from '../../crds/cftrun.ts';
import type { StageGroup } from '../jobs/groups.ts';

export type StageStatus = NonNullable<CftRunStatus['stages']>[number];

/** What a run's status says of a group: how often its Job was started, and whether all its stages have ended for good. */
export function attemptsOf(
  status: CftRunStatus | undefined,
  group: StageGroup,
): { readonly attempts: number; readonly settled: boolean } {
  const recorded = recordedStages(status);
  const stages = group.stages.map(({ name }) => recorded.get(name));
  return {
    attempts: Math.max(0, ...stages.map((stage) => stage?.attempts ?? 0)),
    settled: stages.every((stage) => stage !== undefined && isSettled(stage)),
  };
}

export function recordedStages(status: CftRunStatus | undefined): ReadonlyMap<string, StageStatus> {
  return new Map((status?.stages ?? []).map((stage) => [stage.name, stage]));
}

/** Whether a stage has ended for good: its phase never changes again. */
export function isSettled({ phase }: Pick<StageStatus, 'phase'>): boolean {
  return phase === 'Succeeded' || phase === 'Failed';
}
