import { expect, test } from 'vitest';
import { planGroups } from '../jobs/place.ts';
import { ended, factsOf, jobOf, podOf, resultOfStage, someRun, terminated } from '../testdata/facts.ts';
import { groupEvents } from './events.ts';
import type { Facts } from './facts.ts';
import { observe } from './observe.ts';

const run = someRun();
const eventsOf = (more: Partial<Facts>, of = run) => {
  const facts = factsOf(of, more);
  return groupEvents(facts, observe(facts));
};
const job = jobOf(run, 'evaluate-base', ended('Complete'));

test('a stage that succeeded is told of once: not when it was recorded before', () => {
  expect(eventsOf({ jobs: [job] })).toEqual([
    { type: 'Normal', reason: 'StageSucceeded', message: 'evaluate-base succeeded', about: 'evaluate-base/1' },
  ]);
  const stages = [{ name: 'evaluate-base', phase: 'Succeeded' as const, attempts: 1 }];
  expect(eventsOf({ jobs: [job] }, someRun({}, { stages }))).toEqual([]);
});

test('what a stage warns of becomes an event', () => {
  const [stage] = planGroups(run).find(({ name }) => name === 'evaluate-base')?.stages ?? [];
  if (stage === undefined) throw new Error('no stage');
  const warnings = [{ reason: 'CriticalRatioLow', message: 'only 3 % are critical' }];
  const pods = [podOf(job, { phase: 'Succeeded', state: terminated(resultOfStage(stage, {}, { warnings })) })];
  expect(eventsOf({ jobs: [job], pods })[0]).toEqual({
    type: 'Warning',
    reason: 'CriticalRatioLow',
    message: 'evaluate-base: only 3 % are critical',
    about: 'evaluate-base',
  });
});

test('each failed pod is told of by itself, with the shard that it did', () => {
  const generate = jobOf(run, 'generate');
  const pods = [0, 1].map((index) => podOf(generate, { index, phase: 'Failed', state: terminated('disk full', 1) }));
  const events = eventsOf({ jobs: [generate], pods });
  expect(events.map(({ reason, about }) => [reason, about])).toEqual(
    pods.map(({ metadata }) => ['PodFailed', metadata.uid]),
  );
  expect(events[1]?.message).toMatch(/^generate-00001: pod .* failed: .*disk full/);
});

test('what keeps pods from starting is told of once for each reason, however many pods wait', () => {
  const generate = jobOf(run, 'generate');
  const conditions = [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: 'no GPU' }];
  const pods = [0, 1].map((index) => podOf(generate, { index, phase: 'Pending', more: { conditions } }));
  expect(eventsOf({ jobs: [generate], pods })).toMatchObject([{ reason: 'Unschedulable', about: 'generate/1' }]);
});
