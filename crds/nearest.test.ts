import fc from 'fast-check';
import { expect, test } from 'vitest';
import { editDistance, nearest } from './nearest.ts';

const fields = ['maxNewTokens', 'maxSamples', 'batchSize', 'learningRates', 'objective', 'k'];

test.each([
  ['max_new_tokens', 'maxNewTokens'],
  ['maxNewToken', 'maxNewTokens'],
  ['batchsize', 'batchSize'],
  ['bathcSize', 'batchSize'],
  ['learning-rate', 'learningRates'],
  ['obj', 'objective'],
  ['temperature', undefined],
  ['x', undefined],
  ['', undefined],
])('%s -> %s', (written, meant) => {
  expect(nearest(written, fields)).toBe(meant);
});

test('edit distance is none for the same text, does not depend on the order, and is at most the longer text', () => {
  const word = fc.string({ maxLength: 8 });
  fc.assert(
    fc.property(word, word, (a, b) => {
      const distance = editDistance(a, b);
      expect(distance === 0).toBe(a === b);
      expect(editDistance(b, a)).toBe(distance);
      expect(distance).toBeLessThanOrEqual(Math.max(a.length, b.length));
    }),
  );
});
