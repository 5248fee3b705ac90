import { expect, test } from 'vitest';
import { CftRunStatus } from '../../crds/spec/status.ts';
import { after, factsOf, jobOf, NOW, podOf, progressed, someRun } from '../testdata/facts.ts';
import { conditionOf, setCondition } from './conditions.ts';
import { parseIndexes } from './indexes.ts';
import { observe } from './observe.ts';
import { accept } from './policies/accept.ts';
import { nextStatus } from './status.ts';

const run = someRun();

function statusOf(more: Parameters<typeof factsOf>[1], of = run) {
  const facts = factsOf(of, more);
  return nextStatus(facts, observe(facts), { accepted: accept(of) });
}

test('a status fits the schema that the API server holds it to', () => {
  for (const more of [{}, progressed(run, () => ({ accuracy: 0.5, tokens: 3, criticalRatio: 0.1 }))])
    expect(CftRunStatus.safeParse(statusOf(more)).error).toBeUndefined();
});

test('progress is the mean over all stages; the time left is that of the slowest that runs', () => {
  const jobs = ['generate', 'evaluate-base'].map((group) => jobOf(run, group));
  const pods = jobs.map((job) => podOf(job, { state: { running: {} } }));
  const said = (stage: string, ratio: number, etaSeconds: number | undefined) => ({ stage, ratio, etaSeconds });
  const progress = new Map([
    [pods[0]?.metadata.uid ?? '', said('generate-00000', 0.5, 3700)],
    [pods[1]?.metadata.uid ?? '', said('evaluate-base', 0.25, 20)],
  ]);
  const status = statusOf({ jobs, pods, progress });
  expect(status).toMatchObject({ stage: 'generate,evaluate', progress: '9%', eta: '1 h 1 min' });
  expect(statusOf({ jobs, pods }).eta).toBeUndefined();
});

test('100 % is shown when everything is done, and not before', () => {
  expect(statusOf(progressed(run, () => ({}), 'report')).progress).toBe('87%');
  expect(statusOf(progressed(run, () => ({}))).progress).toBe('100%');
});

test('the time of a transition changes with the status of the condition only', () => {
  const draft = { type: 'Running', status: 'True', reason: 'A', message: 'a' } as const;
  const first = setCondition([], draft, { now: NOW, generation: 1 });
  const second = setCondition(first, { ...draft, reason: 'B' }, { now: after(60), generation: 2 });
  expect(second).toEqual([{ ...first[0], reason: 'B', observedGeneration: 2 }]);
  const third = setCondition(second, { ...draft, status: 'False' }, { now: after(60), generation: 2 });
  expect(conditionOf(third, 'Running')?.lastTransitionTime).toBe('2026-01-01T12:01:00Z');
});

test.each([
  [undefined, []],
  ['', []],
  ['0,2-4', [0, 2, 3, 4]],
  ['10-12,20', [10, 11, 12, 20]],
])('indexes %j', (text, indexes) => {
  expect([...parseIndexes(text)]).toEqual(indexes);
});
