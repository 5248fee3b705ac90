import { expect, test } from 'vitest';
import { createPipeline } from './pipeline.ts';
import type { TokenizerJson } from './tokenizer-files.ts';

function pipeline(model: object) {
  const json = { model: { type: 'WordPiece', unk_token: '?', vocab: { '?': 0, a: 1, '##a': 2, ab: 3 }, ...model } };
  const nothing = { normalizer: null, pre_tokenizer: null, post_processor: null, decoder: null, added_tokens: [] };
  return createPipeline({ ...nothing, ...json } as unknown as TokenizerJson);
}

test('the longest piece first; a word with a place without one, or of more characters than the limit, is unknown', () => {
  expect(pipeline({}).encode('abaa')).toEqual([3, 2, 2]);
  expect(pipeline({}).encode('abb')).toEqual([0]);
  expect(pipeline({}).encode('a'.repeat(100))).toHaveLength(100);
  expect(pipeline({}).encode('a'.repeat(101))).toEqual([0]);
  expect(pipeline({ max_input_chars_per_word: 3 }).encode('aaaa')).toEqual([0]);
});

test('a word of any length that the file allows is taken apart in time that its pieces need', () => {
  const { encode } = pipeline({ max_input_chars_per_word: 1e9 });
  expect(encode('a'.repeat(40_000))).toHaveLength(40_000);
  expect(encode(`${'a'.repeat(40_000)}b`)).toEqual([0]);
});

test('without an unknown token, a word that has no pieces is named', () => {
  expect(() => pipeline({ unk_token: null }).encode('b')).toThrow('the vocabulary has no token for "b"');
});
