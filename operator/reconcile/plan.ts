import type { CftRun, CftRunStatus } from '../../crds/cftrun.ts';
import { claimOf } from '../jobs/claim.ts';
import { stageJob } from '../jobs/job.ts';
import { stageFiles } from '../jobs/stage-files.ts';
import type { Job, KubeObject } from '../kube/objects.ts';
import { type ConditionDraft, isTrue } from './conditions.ts';
import { type Decision, leaveAs, type RunEvent } from './decision.ts';
import { groupEvents } from './events.ts';
import { attemptOf, type Facts } from './facts.ts';
import { type GroupView, jobCondition, observe } from './observe.ts';
import { accept } from './policies/accept.ts';
import { activeDeadline } from './policies/deadline.ts';
import { groupsToStart } from './policies/order.ts';
import { groupsToRestart, runFailure } from './policies/retry.ts';
import { suspendJobs } from './policies/suspend.ts';
import { ttlAfterFinished } from './policies/ttl.ts';
import { nextStatus } from './status.ts';

/** What is to be done for a run, by what is known of it. Pure: the same facts give the same decision. */
export function plan(facts: Facts): Decision {
  const { run, now } = facts;
  const status = run.status ?? {};
  if (run.metadata.deletionTimestamp !== undefined) return leaveAs(status);
  if (isFinished(status)) return afterTheEnd(facts, status);
  const accepted = accept(run);
  if (accepted.status === 'False')
    return { ...leaveAs(nextStatus(facts, [], { accepted })), events: [refusal(accepted, run)] };
  return decide(facts, observe(facts), accepted, activeDeadline(run, now));
}

/** A run that has ended stays as it ended: what is left of it stops, and it goes when its time has come. */
function afterTheEnd(facts: Facts, status: CftRunStatus): Decision {
  const ttl = ttlAfterFinished(facts.run, facts.now);
  return {
    ...leaveAs(status),
    jobsToDelete: unfinished(facts.jobs),
    deleteRun: ttl.expired,
    requeueAfter: ttl.remaining,
  };
}

function decide(
  facts: Facts,
  views: readonly GroupView[],
  accepted: ConditionDraft,
  deadline: ReturnType<typeof activeDeadline>,
): Decision {
  const { run } = facts;
  const happened = groupEvents(facts, views);
  const failure = runFailure(views) ?? deadline.exceeded;
  if (failure !== undefined) {
    const status = nextStatus(facts, views, { accepted, failure });
    const events = [...happened, ended('Warning', 'RunFailed', `${failure.reason}: ${failure.message}`)];
    return {
      ...leaveAs(status),
      jobsToDelete: unfinished(facts.jobs),
      events,
      requeueAfter: run.spec.ttlSecondsAfterFinished,
    };
  }
  if (views.every(({ state }) => state === 'succeeded')) {
    const status = nextStatus(facts, views, { accepted, succeeded: true });
    const events = [...happened, ended('Normal', 'RunSucceeded', 'all stages have succeeded')];
    return { ...leaveAs(status), events, requeueAfter: run.spec.ttlSecondsAfterFinished };
  }
  const restarts = run.spec.suspend ? [] : groupsToRestart(views);
  const starts = run.spec.suspend ? [] : groupsToStart(views);
  const files = stageFiles(run, facts.groups);
  const jobsToCreate = [...starts, ...restarts].map(({ group, attempts }) =>
    stageJob(run, group, attempts + 1, files, facts.settings),
  );
  const { toSuspend, toDelete } = suspendJobs(run, views);
  // A claim that was made before and is gone is not made again: an empty volume would pass for the run's data.
  const claim = jobsToCreate.length > 0 && run.status?.claimName === undefined ? claimOf(run) : undefined;
  const after = views.map((view) => (starts.includes(view) || restarts.includes(view) ? startedView(view) : view));
  return {
    ...leaveAs(nextStatus(facts, after, { accepted })),
    claims: claim === undefined ? [] : [claim],
    configMaps: jobsToCreate.length === 0 ? [] : files.configMaps,
    jobsToCreate,
    jobsToSuspend: toSuspend,
    jobsToDelete: [...toDelete, ...superseded(facts.jobs, views)],
    events: [
      ...happened,
      ...suspension(run),
      ...(claim === undefined ? [] : [claimed(claim)]),
      ...starts.map(started),
      ...restarts.map(restarted),
    ],
    requeueAfter: deadline.remaining,
  };
}

/** The decision on a run whose children the API server refuses: it says so, and leaves what is there as it is. */
export function rejected(facts: Facts, reason: string, message: string): Decision {
  const accepted: ConditionDraft = { type: 'Accepted', status: 'False', reason, message };
  return { ...leaveAs(nextStatus(facts, observe(facts), { accepted })), events: [refusal(accepted, facts.run)] };
}

/** A group as it will be once its Job is created. */
function startedView(view: GroupView): GroupView {
  const attempts = view.attempts + 1;
  const stages = view.stages.map((stage, index) =>
    stage.phase === 'Succeeded'
      ? stage
      : { ...stage, phase: 'Pending' as const, attempts, digest: view.group.stages[index]?.digest },
  );
  return { ...view, state: 'active', attempts, stages: stages as GroupView['stages'] };
}

export function isFinished(status: CftRunStatus | undefined): boolean {
  return isTrue(status?.conditions, 'Succeeded') || isTrue(status?.conditions, 'Failed');
}

function unfinished(jobs: readonly Job[]): string[] {
  return jobs
    .filter((job) => jobCondition(job, 'Complete') === undefined && jobCondition(job, 'Failed') === undefined)
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    .map(({ metadata }) => metadata.name);
}

/** Jobs of earlier attempts that came back, such as one that was read from a cache too late: only the last attempt may work. */
function superseded(jobs: readonly Job[], views: readonly GroupView[]): string[] {
  const last = new Map(views.map((view) => [view.group.name, view.attempts]));
  return unfinished(
    jobs.filter((job) => attemptOf(job) < (last.get(job.metadata.labels?.['cft.dev/stage'] ?? '') ?? 0)),
  );
}

function claimed({ metadata }: KubeObject): RunEvent {
  const message = `the claim ${metadata.name} is made for the run's files`;
  return { type: 'Normal', reason: 'StorageClaimed', message, about: metadata.name };
}

function started({ group }: GroupView): RunEvent {
  const shards = group.stages.length > 1 ? `, ${group.stages.length} shards` : '';
  return { type: 'Normal', reason: 'StageStarted', message: `${group.name} starts${shards}`, about: `${group.name}/1` };
}

function restarted({ group, attempts }: GroupView): RunEvent {
  const message = `${group.name} starts again: its Job was deleted before its end`;
  return { type: 'Warning', reason: 'StageRestarted', message, about: `${group.name}/${attempts + 1}` };
}

function suspension({ spec, status, metadata }: CftRun): RunEvent[] {
  const before = isTrue(status?.conditions, 'Suspended');
  if (before === spec.suspend) return [];
  const about = `generation ${metadata.generation ?? 0}`;
  return spec.suspend
    ? [{ type: 'Normal', reason: 'RunSuspended', message: 'spec.suspend is true: its pods stop', about }]
    : [{ type: 'Normal', reason: 'RunResumed', message: 'spec.suspend is false: it goes on', about }];
}

function ended(type: RunEvent['type'], reason: string, message: string): RunEvent {
  return { type, reason, message, about: 'run' };
}

function refusal({ reason, message }: ConditionDraft, { metadata }: CftRun): RunEvent {
  return { type: 'Warning', reason, message, about: `generation ${metadata.generation ?? 0}` };
}
