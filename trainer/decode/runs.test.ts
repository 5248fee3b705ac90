import fc from 'fast-check';
import { expect, test } from 'vitest';
import { placesWithoutPadding, runBatches } from './runs.ts';

const sequences = fc.array(fc.array(fc.nat(500), { maxLength: 40 }), { maxLength: 12 });

test('every token of every sequence is in one run, at its place, after those before it', () => {
  fc.assert(
    fc.property(sequences, fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 9 }), (lists, width, length) => {
      const items = lists.map((ids, tag) => ({ ids, tag }));
      const seen = items.map(() => [] as number[]);
      for (const { runs, ids, positions } of runBatches(items, width, length)) {
        expect(runs.length).toBeLessThanOrEqual(width);
        expect(ids.length).toBe(width * length);
        for (const [row, run] of runs.entries())
          for (const [t, id] of run.ids.entries()) {
            expect([ids[row * length + t], positions[row * length + t]]).toEqual([id, run.start + t]);
            expect(run.start + t).toBe(seen[run.item.tag]?.length);
            seen[run.item.tag]?.push(id);
          }
      }
      expect(seen).toEqual(lists);
    }),
  );
});

test('padding repeats what is there: it computes nothing that another row does not', () => {
  fc.assert(
    fc.property(sequences, fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 9 }), (lists, width, length) => {
      for (const { runs, ids, positions } of runBatches(
        lists.map((own) => ({ ids: own })),
        width,
        length,
      ))
        for (let row = 0; row < width; row++) {
          const run = runs[Math.min(row, runs.length - 1)];
          for (let t = 0; t < length; t++) {
            const place = (positions[row * length + t] as number) - (run?.start ?? 0);
            expect(run?.ids[place]).toBe(ids[row * length + t]);
          }
        }
    }),
  );
});

test('without padding a batch has each token once', () => {
  fc.assert(
    fc.property(sequences, fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 9 }), (lists, width, length) => {
      const items = lists.map((ids) => ({ ids }));
      const kept = runBatches(items, width, length).flatMap((batch) => {
        const places = placesWithoutPadding(batch, length);
        return [...batch.ids].filter((_, row) => (places[row] as number) >= 0);
      });
      expect(kept.toSorted()).toEqual(lists.flat().toSorted());
    }),
  );
});
