import type { StagePhase } from '../../crds/cftrun.ts';
import type { Stage, StageResult } from '../../crds/stage.ts';
import { isIndexed, type StageGroup } from '../jobs/groups.ts';
import type { Job, Pod } from '../kube/objects.ts';
import type { LiveProgress } from '../progress/ask.ts';
import { timestamp } from './conditions.ts';
import { attemptOf, type Facts, groupOf } from './facts.ts';
import { parseIndexes } from './indexes.ts';
import { failureMessage, indexOf, isAlive, resultOf, type StageIdentity, trainerState } from './pod-result.ts';
import { attemptsOf, isSettled, recordedStages, type StageStatus } from './recorded.ts';

/** Where a group stands. `lost`: its Job was started, has not ended, and is not there. */
export type GroupState = 'waiting' | 'active' | 'lost' | 'succeeded' | 'failed';

/** What a Job says of why it failed. */
export interface JobFailure {
  readonly reason: string;
  readonly message: string;
}

/** A group as it is now. */
export interface GroupView {
  readonly group: StageGroup;
  readonly state: GroupState;
  /** How often its Job was started. */
  readonly attempts: number;
  /** The Job of the last attempt. */
  readonly job: Job | undefined;
  /** Pods of any attempt that may still work. */
  readonly alivePods: readonly Pod[];
  /** Pods of the last attempt's Job. */
  readonly pods: readonly Pod[];
  readonly stages: readonly StageStatus[];
  /** Results that can be read from the pods now, by name of the stage. */
  readonly results: ReadonlyMap<string, StageResult>;
  readonly failure: JobFailure | undefined;
}

/** Every group as its Job and pods show it, and, where it has ended before, as it was recorded then. */
export function observe(facts: Facts): GroupView[] {
  return facts.groups.map((group) => observeGroup(group, facts));
}

function observeGroup(group: StageGroup, facts: Facts): GroupView {
  const { run } = facts;
  const jobs = facts.jobs.filter((job) => groupOf(job) === group.name);
  const recorded = attemptsOf(run.status, group);
  const attempts = Math.max(recorded.attempts, ...jobs.map(attemptOf));
  const found = jobs.find((candidate) => attemptOf(candidate) === attempts && attempts > 0);
  const groupPods = facts.pods.filter((pod) => groupOf(pod) === group.name);
  const pods = groupPods.filter((pod) => belongsTo(pod, found));
  const job = asFarAsPodsShow(found, pods);
  const before = recordedStages(run.status);
  const results = new Map(
    group.stages.flatMap((stage, index) => {
      const result = stageResult(asStarted(stage, before.get(stage.name)), podsOf(group, pods, index));
      return result === undefined ? [] : [[stage.name, result] as const];
    }),
  );
  const stages = group.stages.map((stage, index) => {
    const old = before.get(stage.name);
    if (old !== undefined && isSettled(old)) return old;
    return observeStage(stage, { group, index, job, attempts, old, pods: podsOf(group, pods, index), facts, results });
  });
  const state = groupState(stages, attempts, job);
  return {
    group,
    state,
    attempts,
    job,
    alivePods: groupPods.filter(isAlive),
    pods,
    stages,
    results,
    failure: state === 'failed' ? jobFailure(job, stages) : undefined,
  };
}

function groupState(stages: readonly StageStatus[], attempts: number, job: Job | undefined): GroupState {
  if (stages.every(({ phase }) => phase === 'Succeeded')) return 'succeeded';
  if (
    jobCondition(job, 'Failed') !== undefined ||
    (job === undefined && stages.some(({ phase }) => phase === 'Failed'))
  )
    return 'failed';
  if (attempts === 0) return 'waiting';
  return job === undefined ? 'lost' : 'active';
}

/**
 * The Job, as if it had not ended yet while its pods still seem to work: they have ended before it, the news of them is on its way, and
 * their results with it.
 */
function asFarAsPodsShow(job: Job | undefined, pods: readonly Pod[]): Job | undefined {
  const works = (pod: Pod) => isAlive(pod) && pod.metadata.deletionTimestamp === undefined;
  if (job === undefined || jobCondition(job, 'Complete') === undefined || !pods.some(works)) return job;
  return { ...job, status: {} };
}

interface StageFacts {
  readonly group: StageGroup;
  readonly index: number;
  readonly job: Job | undefined;
  readonly attempts: number;
  readonly old: StageStatus | undefined;
  readonly pods: readonly Pod[];
  readonly facts: Facts;
  readonly results: ReadonlyMap<string, StageResult>;
}

function observeStage(stage: Stage, known: StageFacts): StageStatus {
  const { job, attempts, old, pods, facts, results } = known;
  if (attempts === 0) return { name: stage.name, phase: 'Pending' };
  const phase = stagePhase(known);
  const result = results.get(stage.name);
  const live = phase === 'Running' ? liveProgress(stage, pods, facts) : undefined;
  const progress = phase === 'Succeeded' ? 1 : (live?.ratio ?? old?.progress);
  const eta = phase === 'Running' ? (live ?? old)?.etaSeconds : undefined;
  const startTime = old?.startTime ?? earliest(pods.map((pod) => pod.status?.startTime));
  const ended = isSettled({ phase });
  const completionTime = result?.completionTime ?? job?.status?.completionTime ?? facts.now.toISOString();
  const message = stageMessage(stage, phase, known, result);
  return {
    name: stage.name,
    phase,
    attempts,
    digest: asStarted(stage, old).digest,
    ...(progress === undefined ? {} : { progress: Math.round(progress * 1000) / 1000 }),
    ...(eta === undefined ? {} : { etaSeconds: Math.round(eta) }),
    ...(startTime === undefined ? {} : { startTime }),
    ...(ended ? { completionTime: timestamp(new Date(completionTime)) } : {}),
    ...(message === undefined ? {} : { message: message.slice(0, 4096) }),
  };
}

function stagePhase({ group, index, job, pods, facts }: StageFacts): StagePhase {
  const ended = endedPhase(group, index, job);
  if (ended !== undefined) return ended;
  if (facts.run.spec.suspend) return 'Suspended';
  // One that has just succeeded runs until its Job has counted it.
  const runs = (pod: Pod) => trainerState(pod).running !== undefined || pod.status?.phase === 'Succeeded';
  return pods.some(runs) ? 'Running' : 'Pending';
}

/** Success counts as soon as the Job counts it; failure only once the Job has given up. */
function endedPhase(group: StageGroup, index: number, job: Job | undefined): 'Succeeded' | 'Failed' | undefined {
  if (jobCondition(job, 'Complete') !== undefined) return 'Succeeded';
  if (isIndexed(group) && parseIndexes(job?.status?.completedIndexes).has(index)) return 'Succeeded';
  if (jobCondition(job, 'Failed') === undefined) return undefined;
  const failed = parseIndexes(job?.status?.failedIndexes);
  return isIndexed(group) && failed.size > 0 && !failed.has(index) ? undefined : 'Failed';
}

function stageMessage(
  stage: Stage,
  phase: StagePhase,
  { pods, old }: StageFacts,
  result: StageResult | undefined,
): string | undefined {
  if (phase === 'Succeeded') return result?.message;
  const failed = latest(pods.filter((pod) => pod.status?.phase === 'Failed'));
  if (failed === undefined) return phase === 'Running' || phase === 'Pending' ? old?.message : undefined;
  return failureMessage(failed, asStarted(stage, old));
}

/** The name and the digest that a stage was started with. After an upgrade of the operator its digest may be computed otherwise. */
function asStarted({ name, digest }: Stage, old: StageStatus | undefined): StageIdentity {
  return { name, digest: old?.digest ?? digest };
}

function liveProgress(stage: Stage, pods: readonly Pod[], { progress }: Facts): LiveProgress | undefined {
  const said = pods
    .filter((pod) => trainerState(pod).running !== undefined)
    .map(({ metadata }) => progress.get(metadata.uid ?? ''));
  // An address may have passed to a pod of another stage meanwhile.
  return said.find((live) => live?.stage === stage.name);
}

/** The result of the pod that succeeded, or else of the one that ended last. */
function stageResult(stage: StageIdentity, pods: readonly Pod[]): StageResult | undefined {
  const succeeded = latest(pods.filter((pod) => pod.status?.phase === 'Succeeded'));
  const ended = succeeded ?? latest(pods.filter((pod) => pod.status?.phase === 'Failed'));
  return ended === undefined ? undefined : resultOf(ended, stage);
}

function jobFailure(job: Job | undefined, stages: readonly StageStatus[]): JobFailure {
  const condition = jobCondition(job, 'Failed');
  const stage = stages.find(({ phase }) => phase === 'Failed');
  const why = stage?.message ?? condition?.message ?? 'its Job failed';
  return {
    reason: condition?.reason ?? 'JobFailed',
    message: `${stage?.name ?? job?.metadata.name ?? 'a stage'}: ${why}`,
  };
}

export function jobCondition(job: Job | undefined, type: 'Complete' | 'Failed') {
  return job?.status?.conditions?.find((condition) => condition.type === type && condition.status === 'True');
}

function belongsTo(pod: Pod, job: Job | undefined): boolean {
  return job !== undefined && (pod.metadata.ownerReferences ?? []).some(({ uid }) => uid === job.metadata.uid);
}

function podsOf(group: StageGroup, pods: readonly Pod[], index: number): Pod[] {
  return isIndexed(group) ? pods.filter((pod) => indexOf(pod) === index) : [...pods];
}

function latest(pods: readonly Pod[]): Pod | undefined {
  const time = (pod: Pod) => trainerState(pod).terminated?.finishedAt ?? pod.metadata.creationTimestamp ?? '';
  return [...pods].sort((a, b) => time(b).localeCompare(time(a)))[0];
}

function earliest(times: readonly (string | undefined)[]): string | undefined {
  return times.filter((time) => time !== undefined).sort()[0];
}
