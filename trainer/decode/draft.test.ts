import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { draftFrom } from './draft.ts';

const ORIGINAL = [1, 2, 3, 4, 5, 6, 2, 7, 8];

test.each([
  ['after a token that the original does not have there is no guess', [1, 2, 9], []],
  ['a token more than in the original shifts what follows', [1, 2, 9, 3], [4, 5, 6]],
  ['a token less does so too', [1, 3], [4, 5, 6]],
  ['the longer context counts, not the nearer place', [1, 9, 9, 9, 9, 9, 9, 9, 1, 2], [3, 4, 5]],
  ['of equal contexts the nearer place counts', [9, 9, 9, 9, 9, 9, 9, 2], [7, 8]],
  ['nothing is left to guess', [1, 2, 3, 4, 5, 6, 2, 7, 8], []],
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
