import type { CftRun, CftRunStatus, Condition } from '../../crds/cftrun.ts';
import { formatDuration } from '../duration.ts';
import { claimOf } from '../jobs/claim.ts';
import { type ConditionDraft, conditionOf, isTrue, setCondition, timestamp } from './conditions.ts';
import type { Facts } from './facts.ts';
import type { GroupView } from './observe.ts';
import { pendingCondition } from './policies/pending.ts';
import type { RunFailure } from './policies/retry.ts';
import { suspendedCondition } from './policies/suspend.ts';
import type { StageStatus } from './recorded.ts';
import { collectArtifacts, collectResults, headline } from './results.ts';

/** What was decided on a run, as far as its status tells it. */
export interface Outcome {
  readonly accepted: ConditionDraft;
  readonly failure?: RunFailure;
  readonly succeeded?: boolean;
}

/** The status of a run: what its groups show, on top of what was recorded before. */
export function nextStatus({ run, now }: Facts, views: readonly GroupView[], outcome: Outcome): CftRunStatus {
  const before = run.status ?? {};
  const stages = views.length === 0 ? before.stages : views.flatMap((view) => view.stages);
  const results = collectResults(before, views);
  const artifacts = collectArtifacts(before, views);
  const ended = outcome.failure !== undefined || outcome.succeeded === true;
  const startTime = before.startTime ?? (views.some(({ attempts }) => attempts > 0) ? timestamp(now) : undefined);
  const conditions = drafts(run, views, outcome).reduce<Condition[]>(
    (list, draft) => setCondition(list, draft, { now, generation: run.metadata.generation }),
    [...(before.conditions ?? [])],
  );
  const kinds = ended ? [] : activeKinds(views);
  const eta = ended ? undefined : timeLeft(stages ?? []);
  const claimName = before.claimName ?? (startTime === undefined ? undefined : claimOf(run)?.metadata.name);
  return {
    ...(run.metadata.generation === undefined ? {} : { observedGeneration: run.metadata.generation }),
    phase: phaseOf(conditions),
    ...(kinds.length === 0 ? {} : { stage: kinds.join(',') }),
    ...(stages === undefined ? {} : { progress: percent(stages.map(({ progress = 0 }) => progress)), stages }),
    ...(eta === undefined ? {} : { eta }),
    ...headline(run, results),
    conditions,
    ...(results.length === 0 ? {} : { results }),
    ...(artifacts.length === 0 ? {} : { artifacts }),
    ...(claimName === undefined ? {} : { claimName }),
    ...(startTime === undefined ? {} : { startTime }),
    ...(ended ? { completionTime: timestamp(now) } : {}),
  };
}

function drafts(run: CftRun, views: readonly GroupView[], { accepted, failure, succeeded }: Outcome): ConditionDraft[] {
  const known = conditionOf(run.status?.conditions, 'PodsPending') !== undefined;
  const ended = failure !== undefined || succeeded === true;
  const pending = pendingCondition(ended ? [] : views, { queueName: run.spec.queueName, known });
  const suspended = ended ? undefined : suspendedCondition(run);
  return [
    accepted,
    ...(suspended === undefined ? [] : [suspended]),
    running(run, views, { accepted, ...(failure && { failure }), succeeded: succeeded === true }),
    ...(pending === undefined ? [] : [pending]),
    ...(succeeded
      ? [
          {
            type: 'Succeeded',
            status: 'True',
            reason: 'StagesSucceeded',
            message: 'all stages have succeeded',
          } as const,
        ]
      : []),
    ...(failure === undefined ? [] : [{ type: 'Failed', status: 'True', ...failure } as const]),
  ];
}

function running(run: CftRun, views: readonly GroupView[], { accepted, failure, succeeded }: Outcome): ConditionDraft {
  const off = (reason: string, message: string) => ({ type: 'Running', status: 'False', reason, message }) as const;
  if (failure !== undefined) return off('RunFailed', 'the run has failed');
  if (succeeded) return off('RunSucceeded', 'the run has succeeded');
  if (accepted.status === 'False') return off('NotAccepted', accepted.message);
  if (run.spec.suspend) return off('Suspended', 'the run is suspended');
  const active = views.filter(({ state }) => state === 'active' || state === 'lost').map(({ group }) => group.name);
  return { type: 'Running', status: 'True', reason: 'StagesActive', message: `active: ${active.join(', ')}` };
}

function phaseOf(conditions: readonly Condition[]): NonNullable<CftRunStatus['phase']> {
  for (const type of ['Succeeded', 'Failed', 'Suspended', 'Running'] as const)
    if (isTrue(conditions, type)) return type;
  return 'Pending';
}

function activeKinds(views: readonly GroupView[]): string[] {
  return [...new Set(views.filter(({ state }) => state === 'active').map(({ group }) => group.kind))];
}

/** Time until the last of the running stages ends, as people read it. */
function timeLeft(stages: readonly StageStatus[]): string | undefined {
  const known = stages.flatMap(({ etaSeconds }) => etaSeconds ?? []);
  return known.length === 0 ? undefined : formatDuration(Math.max(...known));
}

/** Mean of ratios as people read it; 100 % only when all is done. */
function percent(ratios: readonly number[]): string {
  const mean = ratios.reduce((sum, ratio) => sum + ratio, 0) / Math.max(1, ratios.length);
  return `${Math.floor(mean * 100)}%`;
}
