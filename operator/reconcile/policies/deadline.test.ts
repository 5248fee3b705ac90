import { expect, test } from 'vitest';
import type { Condition } from '../../../crds/cftrun.ts';
import { after, NOW, someRun } from '../../testdata/facts.ts';
import { activeDeadline } from './deadline.ts';

const startTime = NOW.toISOString();

function suspended(status: 'True' | 'False', at: Date): Condition {
  return { type: 'Suspended', status, reason: 'R', message: '', lastTransitionTime: at.toISOString() };
}

test('no limit, or no start: no clock', () => {
  expect(activeDeadline(someRun({}, { startTime }), after(1e9))).toEqual({});
  expect(activeDeadline(someRun({ activeDeadlineSeconds: 60 }), after(1e9))).toEqual({});
});

test('the clock runs from the first stage, and says how long it still has', () => {
  const run = someRun({ activeDeadlineSeconds: 60 }, { startTime });
  expect(activeDeadline(run, after(20))).toEqual({ remaining: 40 });
  expect(activeDeadline(run, after(59.5)).remaining).toBe(0.5);
  expect(activeDeadline(run, after(60)).exceeded).toMatchObject({ reason: 'DeadlineExceeded' });
});

test('it stops in suspension, and starts anew after it', () => {
  const limit = { activeDeadlineSeconds: 60 };
  const stopped = someRun({ ...limit, suspend: true }, { startTime, conditions: [suspended('True', after(10))] });
  expect(activeDeadline(stopped, after(1000))).toEqual({});
  // Resumed a moment ago: the condition has not followed yet.
  const resuming = someRun(limit, { startTime, conditions: [suspended('True', after(10))] });
  expect(activeDeadline(resuming, after(1000))).toEqual({});
  const resumed = someRun(limit, { startTime, conditions: [suspended('False', after(1000))] });
  expect(activeDeadline(resumed, after(1020))).toEqual({ remaining: 40 });
  expect(activeDeadline(resumed, after(1060)).exceeded).toBeDefined();
});
