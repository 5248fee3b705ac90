import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { draftFrom } from './draft.ts';

const ORIGINAL = [1, 2, 3, 4, 5, 1, 2, 7, 8];

test.each([
  ['the original goes on after the same two tokens', [9, 3, 4], [5, 1, 2]],
  ['also where tokens were added before them', [9, 9, 9, 9, 9, 9, 3, 4], [5, 1, 2]],
  ['of equal contexts the nearer place counts', [9, 9, 9, 9, 9, 1, 2], [7, 8]],
  ['and from the other side too', [1, 2], [3, 4, 5]],
  ['one token alike is no reason to guess', [9, 9, 3], []],
  ['nor is a sequence that is shorter', [2], []],
  ['nothing is left to guess', [7, 8], []],
])('%s', (_, ids, expected) => {
  expect(draftFrom(ORIGINAL, ids, 3)).toEqual(expected);
});

test('a guess is a piece of the original, never longer than asked for', () => {
  const tokens = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 20 });
  fc.assert(
    fc.property(tokens, tokens, fc.integer({ min: 0, max: 5 }), (original, ids, count) => {
      const draft = draftFrom(original, ids, count);
      expect(draft.length).toBeLessThanOrEqual(count);
      expect(`,${original.join()},`).toContain(draft.length === 0 ? ',' : `,${draft.join()},`);
    }),
  );
});
