import { expect, test } from 'vitest';
import { after, NOW, someRun } from '../../testdata/facts.ts';
import { ttlAfterFinished } from './ttl.ts';

const completionTime = NOW.toISOString();

test('a run that has not finished, or has no time to live, stays', () => {
  expect(ttlAfterFinished(someRun({ ttlSecondsAfterFinished: 0 }), after(1e9))).toEqual({ expired: false });
  expect(ttlAfterFinished(someRun({}, { completionTime }), after(1e9))).toEqual({ expired: false });
});

test('the time counts from the end of the run', () => {
  const run = someRun({ ttlSecondsAfterFinished: 100 }, { completionTime });
  expect(ttlAfterFinished(run, after(40))).toEqual({ expired: false, remaining: 60 });
  expect(ttlAfterFinished(run, after(100))).toEqual({ expired: true });
});

test('no time to live at all: it goes at once', () => {
  expect(ttlAfterFinished(someRun({ ttlSecondsAfterFinished: 0 }, { completionTime }), NOW)).toEqual({ expired: true });
});
