import { expect, test } from 'vitest';
import { ended, factsOf, jobOf, podOf, someRun, terminated } from '../../testdata/facts.ts';
import { observe } from '../observe.ts';
import { groupsToRestart, runFailure } from './retry.ts';

const run = someRun();

test.each([
  ['PodFailurePolicy', 'BadInput'],
  ['BackoffLimitExceeded', 'BackoffLimitExceeded'],
  ['FailedIndexes', 'BackoffLimitExceeded'],
  ['MaxFailedIndexesExceeded', 'BackoffLimitExceeded'],
  ['SomethingNew', 'StageFailed'],
])('a Job that failed for %s fails its run for %s', (reason, expected) => {
  const job = jobOf(run, 'evaluate-base', ended('Failed', reason));
  const pod = podOf(job, { phase: 'Failed', state: terminated('cannot read', 1) });
  expect(runFailure(observe(factsOf(run, { jobs: [job], pods: [pod] })))).toEqual({
    reason: expected,
    message: 'evaluate-base: the container ended with exit status 1 (Error): cannot read',
  });
});

test('of shards the one that failed is named', () => {
  const job = jobOf(run, 'generate', {
    ...ended('Failed', 'FailedIndexes'),
    completedIndexes: '0',
    failedIndexes: '1',
  });
  expect(runFailure(observe(factsOf(run, { jobs: [job] })))?.message).toMatch(/^generate-00001: /);
});

test('a run without a failed Job has not failed, whatever its pods did', () => {
  const job = jobOf(run, 'generate');
  const pod = podOf(job, { phase: 'Failed', state: terminated('', 137) });
  expect(runFailure(observe(factsOf(run, { jobs: [job], pods: [pod] })))).toBeUndefined();
});

test('a Job that was started and is not there is started again, once its pods have stopped', () => {
  const stages = ['generate-00000', 'generate-00001'].map((name) => ({ name, phase: 'Running' as const, attempts: 1 }));
  const lost = someRun({}, { stages });
  const pod = podOf(jobOf(lost, 'generate'));
  const restarts = (pods: (typeof pod)[]) =>
    groupsToRestart(observe(factsOf(lost, { pods }))).map(({ group, attempts }) => [group.name, attempts]);
  expect(restarts([])).toEqual([['generate', 1]]);
  expect(restarts([pod])).toEqual([]);
});
