import fc from 'fast-check';
import { expect, test } from 'vitest';
import { advanceProgress, type ProgressState, startProgress } from './progress.ts';

const second = (s: number) => new Date(Date.UTC(2026, 0, 1) + s * 1000);

/** Replays updates given as [second, done], of 100 unless said otherwise, in one phase. */
function replay(updates: readonly (readonly [number, number])[], total = 100, phase = 'annotate'): ProgressState {
  return updates.reduce(
    (state, [at, done]) => advanceProgress(state, { phase, done, total }, second(at)),
    startProgress('annotate-0', second(0)),
  );
}

test('before the first update there is a stage, and no estimate', () => {
  expect(startProgress('annotate-0', second(0)).report).toEqual({
    stage: 'annotate-0',
    phase: 'starting',
    done: 0,
    total: 0,
    ratio: 0,
    etaSeconds: null,
    startedAt: '2026-01-01T00:00:00.000Z',
    updatedAt: '2026-01-01T00:00:00.000Z',
  });
});

test('work found already done at the start counts in the ratio and not in the rate', () => {
  const { report } = replay([
    [1, 80],
    [11, 85],
  ]);
  expect(report.ratio).toBe(0.85);
  expect(report.etaSeconds).toBeCloseTo(15 / 0.5, 9);
});

test('there is no estimate after one update, and none is needed after the last', () => {
  expect(replay([[1, 80]]).report.etaSeconds).toBeNull();
  expect(replay([[1, 100]]).report).toMatchObject({ ratio: 1, etaSeconds: 0 });
});

test('a new phase, and a count that falls back, start a new estimate', () => {
  const annotated = replay([
    [0, 0],
    [10, 50],
  ]);
  expect(advanceProgress(annotated, { phase: 'write', done: 0, total: 7 }, second(11)).report.etaSeconds).toBeNull();
  expect(
    advanceProgress(annotated, { phase: 'annotate', done: 5, total: 100 }, second(11)).report.etaSeconds,
  ).toBeNull();
});

test('the estimate follows a change of pace: after some minutes the old one is forgotten', () => {
  const quick = Array.from({ length: 60 }, (_, i) => [i, i * 10] as const);
  const slow = Array.from({ length: 300 }, (_, i) => [60 + i, 590 + i] as const);
  const { report } = replay([...quick, ...slow], 1000);
  expect(report.etaSeconds).toBeGreaterThan(1000 - report.done - 20);
  expect(report.etaSeconds).toBeLessThan(1000 - report.done + 1);
});

test('standing still makes the estimate longer, never shorter', () => {
  const moving = replay([
    [0, 0],
    [10, 10],
  ]);
  const still = advanceProgress(moving, { phase: 'annotate', done: 10, total: 100 }, second(40));
  expect(still.report.etaSeconds).toBeGreaterThan(moving.report.etaSeconds ?? Number.POSITIVE_INFINITY);
});

test('an even pace is estimated exactly, whatever the times at which it is reported', () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0.01, max: 50, noNaN: true }),
      fc.array(fc.integer({ min: 1, max: 60_000 }), { minLength: 2, maxLength: 30 }),
      fc.integer({ min: 0, max: 1000 }),
      (itemsPerSecond, gaps, found) => {
        const times = gaps.map((_, i) => gaps.slice(0, i + 1).reduce((sum, gap) => sum + gap) / 1000);
        const start = times[0] ?? 0;
        const done = (at: number) => found + (at - start) * itemsPerSecond;
        const last = times.at(-1) ?? 0;
        const total = done(last) + 100;
        const { report } = replay(
          times.map((at) => [at, done(at)] as const),
          total,
        );
        expect(report.etaSeconds).toBeCloseTo(100 / itemsPerSecond, 4);
      },
    ),
  );
});
