import { expect, test } from 'vitest';
import { type BpeConfig, createBpe } from './bpe.ts';

const vocabulary = (...tokens: string[]) => Object.fromEntries(tokens.map((token, id) => [token, id]));
const LETTERS = vocabulary('?', 'a', 'b', 'c', 'aa', 'ab', 'abc', 'bc');
const BYTES = { vocab: vocabulary('?', 'a', 'b', '<0xC3>', '<0xA9>'), merges: [], byte_fallback: true };
const INSIDE = {
  vocab: vocabulary('?', 'a', 'b', '##a', '##b', 'aa', '##ab', 'aab'),
  merges: ['##a ##b', 'a ##a', 'a ##ab'],
  continuing_subword_prefix: '##',
};
const AT_THE_END = {
  vocab: vocabulary('?', 'a', 'b', 'b</w>', 'ab</w>'),
  merges: ['a b</w>'],
  end_of_word_suffix: '</w>',
};

// What the Rust tokenizers make of the same.
test.each<[string, BpeConfig, string, string]>([
  [
    'the earliest merge first, the leftmost of it',
    { vocab: LETTERS, merges: ['a a', 'b c', 'a b', 'ab c'] },
    'aabc aaa abcabc',
    'aa bc aa a a bc a bc',
  ],
  [
    'a token for each unknown character',
    { vocab: LETTERS, merges: ['a b'], unk_token: '?' },
    'axxb xx xa',
    'a ? ? b ? ? ? a',
  ],
  [
    'one for all side by side, but not of two words',
    { vocab: LETTERS, merges: ['a b'], unk_token: '?', fuse_unk: true },
    'axxb xx xa',
    'a ? b ? ? a',
  ],
  ['unknown characters left out, and merges across them', { vocab: LETTERS, merges: ['a b'] }, 'axxb xx xa', 'ab a'],
  ['a prefix inside words', { ...INSIDE, unk_token: '?' }, 'aab ba', 'aab b ##a'],
  ['a suffix at their ends', { ...AT_THE_END, unk_token: '?' }, 'aab b', 'a ab</w> b</w>'],
  [
    'bytes for unknown characters, where all of them are there',
    { ...BYTES, unk_token: '?' },
    'aéb éx',
    'a <0xC3> <0xA9> b <0xC3> <0xA9> ?',
  ],
  ['an unknown token waits for bytes', { ...BYTES, unk_token: '?' }, 'axéb', 'a <0xC3> <0xA9> ? b'],
  ['merges step by step', { vocab: LETTERS, merges: ['b c'] }, 'abc bc', 'a bc bc'],
  ['words of the vocabulary as they are', { vocab: LETTERS, merges: ['b c'], ignore_merges: true }, 'abc bc', 'abc bc'],
])('%s', (_, config, words, tokens) => {
  expect(createBpe(config)(words.split(' '))).toEqual(tokens.split(' '));
});

test('a text that is one long word takes no longer than its length asks for', () => {
  const encode = createBpe({ vocab: LETTERS, merges: ['a a'] });
  expect(encode(['a'.repeat(200_001)])).toHaveLength(100_001);
});
