import { expect, test } from 'vitest';
import type { ReconcileResult } from './controller.ts';
import { NotLeadingError } from './kube/client.ts';
import { createLog } from './log.ts';
import { ManualClock } from './queue/manual-clock.ts';
import { WorkQueue } from './queue/queue.ts';
import { work } from './worker.ts';

/** A worker whose looks end as `looks` say, one after the other, then well. */
function start(looks: readonly (() => Promise<ReconcileResult>)[]) {
  const clock = new ManualClock();
  const queue = new WorkQueue({ clock, backoff: { first: 500, longest: 300_000 } });
  const outcomes: string[] = [];
  const remaining = [...looks];
  const reconcile = async () => (await remaining.shift()?.()) ?? { requeueAfter: undefined };
  const metrics = { reconciled: (outcome: string) => void outcomes.push(outcome) };
  const log = createLog(
    () => {},
    'error',
    () => new Date(0),
  );
  const ended = work({ controller: { reconcile }, queue, metrics, log, clock });
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  return { clock, queue, outcomes, ended, settle };
}

const fail = (error: Error) => async () => {
  throw error;
};

test('a lease that is late delays a run by seconds, however many events come meanwhile', async () => {
  const late = fail(new NotLeadingError('the lease was not renewed in time'));
  const { clock, queue, outcomes, ended, settle } = start(Array.from({ length: 12 }, () => late));
  for (let event = 0; event < 12; event++) {
    queue.add('a');
    await settle();
  }
  expect(queue.failures('a')).toBe(0);
  clock.advance(2000);
  await settle();
  expect(outcomes).toEqual([...Array.from({ length: 12 }, () => 'requeue_after'), 'success']);
  await queue.shutDown();
  await ended;
});

test('a refusal that is known to pass delays a run by as long as it takes, however often it comes', async () => {
  const refusal = async () => ({ requeueAfter: 3, refused: 'not known yet' });
  const { clock, queue, outcomes, ended, settle } = start([refusal, refusal]);
  queue.add('a');
  for (let round = 0; round < 2; round++) {
    await settle();
    clock.advance(3000);
  }
  await settle();
  expect(outcomes).toEqual(['requeue_after', 'requeue_after', 'success']);
  await queue.shutDown();
  await ended;
});

test('an error delays a run longer and longer, until it is looked at well', async () => {
  const { clock, queue, outcomes, ended, settle } = start([fail(new Error('broken')), fail(new Error('broken'))]);
  queue.add('a');
  await settle();
  clock.advance(500);
  await settle();
  expect(queue.failures('a')).toBe(2);
  clock.advance(999);
  await settle();
  expect(outcomes).toEqual(['error', 'error']);
  clock.advance(1);
  await settle();
  expect(outcomes).toEqual(['error', 'error', 'success']);
  expect(queue.failures('a')).toBe(0);
  await queue.shutDown();
  await ended;
});
