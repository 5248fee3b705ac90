import { bucketOf } from './buckets.ts';

/** Sizes of a micro-batch: those it needs, or the padded ones that a program is compiled for. */
export interface BatchShape {
  /** Sequences. */
  readonly batch: number;
  /** Input tokens of each sequence. */
  readonly time: number;
  /** Predicted tokens of all sequences. */
  readonly rows: number;
}

/** The padded shape for a needed one. It must depend on nothing else: a resumed run pads, and so rounds, like an undisturbed one. */
export type ShapeChoice = (needed: BatchShape) => BatchShape;

/** Padding on a fixed grid, for when nothing is known of the batches to come. */
export const bucketed: ShapeChoice = ({ batch, time, rows }) => ({
  batch: bucketOf(batch, 1, 4),
  time: bucketOf(time, 16, 4),
  rows: bucketOf(rows, 16, 2),
});

/**
 * Chooses few padded shapes for many needed ones: starting from the fixed grid, the two shapes whose union adds the least padding
 * are made one until no more than the limit are left. Each shape costs a compilation of a second or so, each padded token some work at every step, so
 * longer trainings are worth more shapes.
 *
 * @param needed  the shapes of the micro-batches to come, or of enough of them
 * @param rowCost work of one predicted token (lm_head) relative to one input token (the layers)
 * @param limit   default: a quarter of the root of the number of micro-batches, from 2 to 32
 */
export function planShapes(
  needed: readonly BatchShape[],
  rowCost: number,
  limit = Math.min(32, Math.max(2, Math.round(Math.sqrt(needed.length) / 4))),
): { readonly shapes: readonly BatchShape[]; readonly choose: ShapeChoice } {
  const work = ({ batch, time, rows }: BatchShape) => batch * time + rows * rowCost;
  let plan = counted(needed.map(bucketed));
  while (plan.length > limit) plan = mergeCheapest(plan, work);
  const shapes = plan.map(({ shape }) => shape).sort((a, b) => work(a) - work(b));
  return { shapes, choose: (shape) => shapes.find((planned) => holds(planned, shape)) ?? bucketed(shape) };
}

interface Counted {
  readonly shape: BatchShape;
  readonly count: number;
}

function counted(shapes: readonly BatchShape[]): Counted[] {
  const counts = new Map<string, Counted>();
  for (const shape of shapes) {
    const key = `${shape.batch} ${shape.time} ${shape.rows}`;
    counts.set(key, { shape, count: (counts.get(key)?.count ?? 0) + 1 });
  }
  return [...counts.values()];
}

function mergeCheapest(plan: readonly Counted[], work: (shape: BatchShape) => number): Counted[] {
  let best: { added: number; pair: readonly [Counted, Counted]; merged: Counted } | undefined;
  for (const [index, a] of plan.entries())
    for (const b of plan.slice(index + 1)) {
      const merged = { shape: union(a.shape, b.shape), count: a.count + b.count };
      const added = merged.count * work(merged.shape) - a.count * work(a.shape) - b.count * work(b.shape);
      if (best === undefined || added < best.added) best = { added, pair: [a, b], merged };
    }
  if (best === undefined) return [...plan];
  const { pair, merged } = best;
  return [...plan.filter((entry) => !pair.includes(entry)), merged];
}

function union(a: BatchShape, b: BatchShape): BatchShape {
  return { batch: Math.max(a.batch, b.batch), time: Math.max(a.time, b.time), rows: Math.max(a.rows, b.rows) };
}

function holds(outer: BatchShape, inner: BatchShape): boolean {
  return outer.batch >= inner.batch && outer.time >= inner.time && outer.rows >= inner.rows;
}
