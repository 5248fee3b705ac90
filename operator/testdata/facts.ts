import { CftRun, type CftRunStatus } from '../../crds/cftrun.ts';
import type { Stage, StageResult } from '../../crds/stage.ts';
import { isIndexed } from '../jobs/groups.ts';
import { stageJob } from '../jobs/job.ts';
import { planGroups } from '../jobs/place.ts';
import { CONTAINER } from '../jobs/pod.ts';
import { stageFiles } from '../jobs/stage-files.ts';
import type { ContainerState, Job, Pod } from '../kube/objects.ts';
import type { Facts } from '../reconcile/facts.ts';

export const NOW = new Date('2026-01-01T12:00:00Z');
export const SETTINGS = { image: 'trainer:test' };

/** A time so many seconds after {@link NOW}. */
export function after(seconds: number): Date {
  return new Date(NOW.getTime() + 1000 * seconds);
}

/** Of a run with two shards, one variant, one data set and a claim. */
export const SMALL_SPEC = {
  model: { source: 'model' },
  data: { train: { source: 'train.jsonl' } },
  verifier: { type: 'math' },
  annotate: { shards: 2 },
  training: { variants: [{ name: 'cft', objective: 'critical' }] },
  evaluation: { datasets: [{ name: 'test', source: 'test.jsonl' }] },
  storage: { persistentVolumeClaim: { claimName: 'runs' } },
};

/** A run of {@link SMALL_SPEC}, as the API server has it. */
export function someRun(spec: object = {}, status?: CftRunStatus): CftRun {
  return CftRun.parse({
    apiVersion: 'cft.dev/v1alpha1',
    kind: 'CftRun',
    metadata: { name: 'a', namespace: 'team', uid: 'uid-of-a', generation: 1 },
    spec: { ...SMALL_SPEC, ...spec },
    ...(status === undefined ? {} : { status }),
  });
}

export function factsOf(run: CftRun, more: Partial<Facts> = {}): Facts {
  return {
    ...{ run, groups: planGroups(run), jobs: [], pods: [], progress: new Map(), now: NOW, settings: SETTINGS },
    ...more,
  };
}

/** A Job of a run's group, as the API server has it, in a state. */
export function jobOf(run: CftRun, group: string, status: NonNullable<Job['status']> = {}, attempt = 1): Job {
  const groups = planGroups(run);
  const found = groups.find(({ name }) => name === group);
  if (found === undefined) throw new Error(`no group ${group}`);
  const job = stageJob(run, found, attempt, stageFiles(run, groups), SETTINGS);
  return { ...job, metadata: { ...job.metadata, uid: `uid-of-${job.metadata.name}` }, status };
}

export function ended(type: 'Complete' | 'Failed', reason?: string): NonNullable<Job['status']> {
  return { conditions: [{ type, status: 'True', ...(reason === undefined ? {} : { reason }) }] };
}

/** A pod of a Job. */
export function podOf(job: Job, { index = 0, phase = 'Running', state = {} as ContainerState, more = {} } = {}): Pod {
  const name = `${job.metadata.name}-${index}-${phase.toLowerCase()}`;
  return {
    metadata: {
      ...{ name, namespace: 'team', uid: `uid-of-${name}`, creationTimestamp: '2026-01-01T11:00:00Z' },
      labels: job.metadata.labels ?? {},
      annotations: { 'batch.kubernetes.io/job-completion-index': String(index) },
      ownerReferences: [
        { apiVersion: 'batch/v1', kind: 'Job', name: job.metadata.name, uid: job.metadata.uid ?? '', controller: true },
      ],
    },
    status: { phase, containerStatuses: [{ name: CONTAINER, state }], ...more },
  };
}

/** The end of a container: exit status 0 with what it found out, or another with what it says. */
export function terminated(message: string | StageResult, exitCode = 0, finishedAt = '2026-01-01T11:30:00Z') {
  const text = typeof message === 'string' ? message : JSON.stringify(message);
  return { terminated: { exitCode, reason: exitCode === 0 ? 'Completed' : 'Error', message: text, finishedAt } };
}

export function resultOfStage(stage: Stage, metrics: StageResult['metrics'], more: Partial<StageResult> = {}) {
  return {
    ...{ stage: stage.name, kind: stage.kind, digest: stage.digest, status: 'succeeded' as const, artifacts: {} },
    ...{ startTime: '2026-01-01T11:00:00Z', completionTime: '2026-01-01T11:30:00Z', metrics },
    ...more,
  };
}

/** A run whose every group before `until` has a Job that is complete, with results; the Jobs and pods of it. */
export function progressed(run: CftRun, metrics: (stage: Stage) => StageResult['metrics'], until?: string) {
  const groups = planGroups(run);
  const done =
    until === undefined
      ? groups
      : groups.slice(
          0,
          groups.findIndex(({ name }) => name === until),
        );
  const jobs: Job[] = [];
  const pods: Pod[] = [];
  for (const group of done) {
    const indexes = isIndexed(group) ? { completedIndexes: `0-${group.stages.length - 1}` } : {};
    const job = jobOf(run, group.name, { ...ended('Complete'), ...indexes });
    jobs.push(job);
    for (const [index, stage] of group.stages.entries()) {
      const state = terminated(resultOfStage(stage, metrics(stage)));
      pods.push(podOf(job, { index, phase: 'Succeeded', state }));
    }
  }
  return { jobs, pods };
}
