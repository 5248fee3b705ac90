import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type BatchShape, bucketed, planShapes } from './shapes.ts';

const shapes: fc.Arbitrary<BatchShape[]> = fc.array(
  fc.record({
    batch: fc.integer({ min: 1, max: 16 }),
    time: fc.integer({ min: 1, max: 300 }),
    rows: fc.integer({ min: 1, max: 2000 }),
  }),
  { minLength: 1, maxLength: 60 },
);
const holds = (outer: BatchShape, inner: BatchShape) =>
  outer.batch >= inner.batch && outer.time >= inner.time && outer.rows >= inner.rows;

test('every needed shape gets one of the planned ones that holds it, and there are few of them', () => {
  fc.assert(
    fc.property(
      shapes,
      fc.integer({ min: 1, max: 6 }),
      fc.double({ min: 0, max: 10, noNaN: true }),
      (needed, limit, cost) => {
        const plan = planShapes(needed, cost, limit);
        expect(plan.shapes.length).toBeLessThanOrEqual(limit);
        for (const shape of needed) {
          expect(holds(plan.choose(shape), shape)).toBe(true);
          expect(plan.shapes).toContain(plan.choose(shape));
        }
      },
    ),
  );
});

test('a shape larger than all planned ones falls back to the grid', () => {
  const { choose } = planShapes([{ batch: 4, time: 20, rows: 10 }], 1);
  expect(choose({ batch: 4, time: 33, rows: 10 })).toEqual(bucketed({ batch: 4, time: 33, rows: 10 }));
});

test('two clusters of lengths keep a shape each instead of padding the short ones', () => {
  const lengths = [17, 18, 30, 200, 201, 202, 20, 198];
  const { shapes } = planShapes(
    lengths.map((time) => ({ batch: 8, time, rows: 64 })),
    1,
    2,
  );
  expect(shapes.map(({ time }) => time)).toEqual([32, 224]);
});

test('longer trainings may have more shapes', () => {
  const needed = Array.from({ length: 10_000 }, (_, index) => ({ batch: 8, time: 16 + (index % 500), rows: 100 }));
  expect(planShapes(needed.slice(0, 40), 1).shapes.length).toBeLessThanOrEqual(2);
  expect(planShapes(needed, 1).shapes.length).toBeGreaterThan(8);
});
