import { join } from 'node:path';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { loadTokenizer } from './load.ts';
import { tokenSpans } from './spans.ts';

const tokenizer = await loadTokenizer(join(import.meta.dirname, 'testdata/llama3'));

test('each token stands where its text is, and each part of a character where the character is', () => {
  const ids = tokenizer.encode('So 😀 12345', { addSpecialTokens: false });
  const { text, spans } = tokenSpans(tokenizer, ids);
  const pieces = spans.map(({ start, end }) => text.slice(start, end));
  expect(pieces).toEqual(['So', ' ', '😀', '😀', '😀', '😀', ' ', '12', '3', '45']);
  expect(spans.at(-1)?.end).toBe(text.length);
});

test('a token that leaves no text has no place', () => {
  const ids = tokenizer.encode('a', { addSpecialTokens: true });
  const { text, spans } = tokenSpans(tokenizer, ids, { skipSpecialTokens: true });
  expect(text).toBe('a');
  expect(spans).toEqual([
    { start: 0, end: 0 },
    { start: 0, end: 1 },
  ]);
});

test('any list of ids is covered from its first character to its last, in order', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(tokenizer.vocabSize - 1), { minLength: 1, maxLength: 20 }), (ids) => {
      const { text, spans } = tokenSpans(tokenizer, ids);
      expect(spans).toHaveLength(ids.length);
      let covered = 0;
      for (const { start, end } of spans) {
        expect(start).toBeLessThanOrEqual(covered);
        expect(end).toBeGreaterThanOrEqual(start);
        covered = Math.max(covered, end);
      }
      expect(covered).toBe(text.length);
    }),
  );
});
