import { expect, test } from 'vitest';
import type { CftRunStatus } from '../../crds/cftrun.ts';
import { planGroups } from '../jobs/place.ts';
import type { Pod } from '../kube/objects.ts';
import { ended, factsOf, jobOf, podOf, resultOfStage, someRun, terminated } from '../testdata/facts.ts';
import type { Facts } from './facts.ts';
import { observe } from './observe.ts';

const run = someRun();
const groups = planGroups(run);
const stageOf = (name: string) => groups.flatMap(({ stages }) => stages).find((stage) => stage.name === name);

function look(group: string, more: Partial<Facts>, status?: CftRunStatus) {
  const view = observe(factsOf(someRun({}, status), more)).find((candidate) => candidate.group.name === group);
  if (view === undefined) throw new Error(group);
  return view;
}

test('a group without a Job waits; with one that has not ended it is active', () => {
  expect(look('generate', {})).toMatchObject({ state: 'waiting', attempts: 0 });
  expect(look('generate', { jobs: [jobOf(run, 'generate')] })).toMatchObject({ state: 'active', attempts: 1 });
});

test('of several attempts the last counts, recorded or seen', () => {
  const jobs = [jobOf(run, 'generate', ended('Failed')), jobOf(run, 'generate', {}, 2)];
  expect(look('generate', { jobs })).toMatchObject({ state: 'active', attempts: 2 });
  const stages = [{ name: 'generate-00000', phase: 'Running' as const, attempts: 3 }];
  expect(look('generate', { jobs }, { stages })).toMatchObject({ state: 'lost', attempts: 3 });
});

test('a stage runs while its container does, and has succeeded when its Job counts it', () => {
  const job = jobOf(run, 'generate', { completedIndexes: '0' });
  const pods = [podOf(job, { index: 1, state: { running: {} } })];
  const { state, stages } = look('generate', { jobs: [job], pods });
  expect(state).toBe('active');
  expect(stages.map(({ phase, progress }) => [phase, progress])).toEqual([
    ['Succeeded', 1],
    ['Running', undefined],
  ]);
});

test('a stage whose pod has succeeded runs until its Job counts it; one whose pod failed waits for the next', () => {
  const job = jobOf(run, 'evaluate-base');
  const phaseWith = (pod: Pod) => look('evaluate-base', { jobs: [job], pods: [pod] }).stages[0]?.phase;
  expect(phaseWith(podOf(job, { phase: 'Succeeded', state: terminated('') }))).toBe('Running');
  expect(phaseWith(podOf(job, { phase: 'Failed', state: terminated('', 1) }))).toBe('Pending');
});

test('a pod of another Job of the same name tells nothing', () => {
  const job = jobOf(run, 'evaluate-base');
  const stranger = podOf({ ...job, metadata: { ...job.metadata, uid: 'another' } }, { state: { running: {} } });
  expect(look('evaluate-base', { jobs: [job], pods: [stranger] })).toMatchObject({ pods: [], alivePods: [stranger] });
});

test('a Job that is complete while its pod still seems to run is not believed: the result is on its way', () => {
  const job = jobOf(run, 'report', ended('Complete'));
  const pod = podOf(job, { state: { running: {} } });
  expect(look('report', { jobs: [job], pods: [pod] })).toMatchObject({
    state: 'active',
    stages: [{ phase: 'Running' }],
  });
  const going = { ...pod, metadata: { ...pod.metadata, deletionTimestamp: '2026-01-01T12:00:00Z' } };
  expect(look('report', { jobs: [job], pods: [going] }).state).toBe('succeeded');
  expect(look('report', { jobs: [job], pods: [] }).state).toBe('succeeded');
});

test('what was recorded as ended is never looked at again', () => {
  const done = { name: 'evaluate-base', phase: 'Succeeded' as const, attempts: 1, progress: 1 };
  const job = jobOf(run, 'evaluate-base', ended('Failed', 'BackoffLimitExceeded'));
  expect(look('evaluate-base', { jobs: [job] }, { stages: [done] }).stages).toEqual([done]);
  expect(look('evaluate-base', {}, { stages: [done] }).state).toBe('succeeded');
});

test('progress comes from the running pod, if it speaks of this stage, and stays when the pod is silent', () => {
  const job = jobOf(run, 'evaluate-base');
  const pod = podOf(job, { state: { running: {} } });
  const said = (stage: string) => new Map([[pod.metadata.uid ?? '', { stage, ratio: 0.41234, etaSeconds: 61.4 }]]);
  const status = {
    stages: [{ name: 'evaluate-base', phase: 'Running' as const, attempts: 1, progress: 0.3, etaSeconds: 90 }],
  };
  const of = (progress: Facts['progress']) =>
    look('evaluate-base', { jobs: [job], pods: [pod], progress }, status).stages[0];
  expect(of(said('evaluate-base'))).toMatchObject({ progress: 0.412, etaSeconds: 61 });
  expect(of(said('generate-00000'))).toMatchObject({ progress: 0.3, etaSeconds: 90 });
  expect(of(new Map())).toMatchObject({ progress: 0.3, etaSeconds: 90 });
});

test('a result counts if it is of this stage and manifest', () => {
  const stage = stageOf('evaluate-base');
  if (stage === undefined) throw new Error('no stage');
  const job = jobOf(run, 'evaluate-base', ended('Complete'));
  const results = (more: object, status?: CftRunStatus) => {
    const state = terminated(resultOfStage(stage, { accuracy: 0.5 }, more));
    return look('evaluate-base', { jobs: [job], pods: [podOf(job, { phase: 'Succeeded', state })] }, status).results
      .size;
  };
  expect(results({})).toBe(1);
  expect(results({ stage: 'evaluate-cft' })).toBe(0);
  expect(results({ digest: 'sha256:other' })).toBe(0);
  // Started by an operator of another version, which took the digest otherwise.
  const stages = [{ name: 'evaluate-base', phase: 'Running' as const, attempts: 1, digest: 'sha256:other' }];
  expect(results({ digest: 'sha256:other' }, { stages })).toBe(1);
});

test.each(['', 'not JSON', '{"stage": 1}'])('the termination message %j is no result, and no harm', (message) => {
  const job = jobOf(run, 'evaluate-base', ended('Complete'));
  const pods: Pod[] = [podOf(job, { phase: 'Succeeded', state: terminated(message) })];
  expect(look('evaluate-base', { jobs: [job], pods })).toMatchObject({ state: 'succeeded', results: new Map() });
});
