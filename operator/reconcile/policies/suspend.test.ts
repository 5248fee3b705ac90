import { expect, test } from 'vitest';
import type { Job } from '../../kube/objects.ts';
import { ended, factsOf, jobOf, someRun } from '../../testdata/facts.ts';
import { observe } from '../observe.ts';
import { suspendedCondition, suspendJobs } from './suspend.ts';

function actions(spec: object, jobSpec: Partial<Job['spec']> = {}) {
  const run = someRun(spec);
  const generate = jobOf(run, 'generate');
  const jobs = [
    { ...generate, spec: { ...generate.spec, ...jobSpec } },
    jobOf(run, 'evaluate-base', ended('Complete')),
  ];
  const { toSuspend, toDelete } = suspendJobs(run, observe(factsOf(run, { jobs })));
  return { toSuspend: toSuspend.map(({ suspend }) => suspend), toDelete: toDelete.length };
}

test('an active Job follows spec.suspend; one that has ended is left alone', () => {
  expect(actions({ suspend: true })).toEqual({ toSuspend: [true], toDelete: 0 });
  expect(actions({ suspend: true }, { suspend: true })).toEqual({ toSuspend: [], toDelete: 0 });
  expect(actions({}, { suspend: true })).toEqual({ toSuspend: [false], toDelete: 0 });
  expect(actions({})).toEqual({ toSuspend: [], toDelete: 0 });
});

test("with a queue Job.spec.suspend is the queue's: the Job goes instead", () => {
  expect(actions({ suspend: true, queueName: 'q' })).toEqual({ toSuspend: [], toDelete: 1 });
  expect(actions({ queueName: 'q' }, { suspend: true })).toEqual({ toSuspend: [], toDelete: 0 });
});

test('the condition is there from the first suspension on', () => {
  expect(suspendedCondition(someRun())).toBeUndefined();
  expect(suspendedCondition(someRun({ suspend: true }))).toMatchObject({ status: 'True', reason: 'SuspendedByUser' });
  const before = {
    type: 'Suspended',
    status: 'True',
    reason: 'R',
    message: '',
    lastTransitionTime: '2026-01-01T00:00:00Z',
  } as const;
  expect(suspendedCondition(someRun({}, { conditions: [before] }))).toMatchObject({
    status: 'False',
    reason: 'Resumed',
  });
});
