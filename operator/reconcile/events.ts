import type { RunEvent } from './decision.ts';
import type { Facts } from './facts.ts';
import type { GroupView } from './observe.ts';
import { failureMessage, indexOf } from './pod-result.ts';
import { obstaclesOf } from './policies/pending.ts';
import { isSettled, recordedStages } from './recorded.ts';

/** What has happened in the groups since the status was written: a stage succeeded, its pod failed, its warnings. */
export function groupEvents({ run }: Facts, views: readonly GroupView[]): RunEvent[] {
  const before = recordedStages(run.status);
  return views.flatMap((view) => {
    const { group, stages, attempts } = view;
    const settledBefore = group.stages.every(({ name }) => isSettled(before.get(name) ?? { phase: 'Pending' }));
    if (settledBefore) return [];
    const done: RunEvent[] =
      view.state === 'succeeded'
        ? [
            {
              type: 'Normal',
              reason: 'StageSucceeded',
              message: `${group.name} succeeded`,
              about: `${group.name}/${attempts}`,
            },
          ]
        : [];
    return [...obstacles(view), ...podFailures(view), ...warnings(view), ...done].slice(0, stages.length + 16);
  });
}

/** What keeps its pods from starting, once for each reason. */
function obstacles(view: GroupView): RunEvent[] {
  return obstaclesOf(view).map(({ reason, message }) => ({
    type: 'Warning',
    reason,
    message,
    about: `${view.group.name}/${view.attempts}`,
  }));
}

function podFailures({ group, pods, stages }: GroupView): RunEvent[] {
  return pods
    .filter((pod) => pod.status?.phase === 'Failed')
    .flatMap((pod) => {
      const [planned, observed] = [group.stages[indexOf(pod)], stages[indexOf(pod)]];
      if (planned === undefined) return [];
      const stage = { name: planned.name, digest: observed?.digest ?? planned.digest };
      const message = `${stage.name}: pod ${pod.metadata.name} failed: ${failureMessage(pod, stage)}`;
      return [{ type: 'Warning' as const, reason: 'PodFailed', message, about: pod.metadata.uid ?? pod.metadata.name }];
    });
}

/** What the user should know although a stage succeeded, such as CriticalRatioLow. */
function warnings({ results }: GroupView): RunEvent[] {
  return [...results.values()].flatMap((result) =>
    (result.warnings ?? []).map(({ reason, message }) => ({
      type: 'Warning' as const,
      reason,
      message: `${result.stage}: ${message}`,
      about: result.stage,
    })),
  );
}
