import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { ComponentConfig } from './library.ts';
import { createPreTokenizer } from './pre-tokenizers.ts';

interface Reference {
  texts: string[];
  kinds: { config: ComponentConfig; words: string[][] }[];
}
const path = join(import.meta.dirname, 'testdata/pre-tokenizers.json');
const reference = JSON.parse(await readFile(path, 'utf8')) as Reference;

describe('pre-tokenizers split as the Rust tokenizers do', () => {
  test.each(reference.kinds.map(({ config, words }) => [JSON.stringify(config), config, words] as const))(
    '%s',
    (_, config, words) => {
      const split = createPreTokenizer(config);
      for (const [i, text] of reference.texts.entries()) {
        expect(split(text, true), JSON.stringify(text)).toEqual(words[i]);
      }
    },
  );
});

test('a pre-tokenizer that is not known is refused by name', () => {
  expect(() => createPreTokenizer({ type: 'UnicodeScripts' })).toThrow('"UnicodeScripts" is not supported');
});

const splitBy = (Regex: string, behavior = 'Isolated') =>
  createPreTokenizer({ type: 'Split', pattern: { Regex }, behavior, invert: false });

test.each([
  ['(?>a|ab)c', 'abc ac', ['abc ', 'ac']],
  ['a++a', 'aaa', ['aaa']],
  ['(?>ab|b)*+b', 'ababb b', ['ababb b']],
  ['[a\\d]?+a', 'aa1a', ['aa', '1a']],
  ['\\p{L}++\\d|x', 'ab1 cd x', ['ab1', ' cd ', 'x']],
])('%s gives nothing back: %j', (pattern, text, words) => {
  expect(splitBy(pattern)(text, true)).toEqual(words);
});

test('an atomic group beside a reference by number is refused', () => {
  expect(() => splitBy('(a)(?>b)\\1')).toThrow('numbered references');
});

test.each([
  ['Removed', ['a', 'c', ' ', 'd']],
  ['Isolated', ['a', 'bb', 'c', ' ', 'd']],
  ['MergedWithPrevious', ['abb', 'c', ' ', 'd']],
  ['MergedWithNext', ['a', 'bbc', ' ', 'd']],
  ['Contiguous', ['a', 'bb', 'c', ' ', 'd']],
])('%s: empty matches separate as well', (behavior, words) => {
  expect(splitBy('b*', behavior)('abbc d', true)).toEqual(words);
  expect(splitBy('(?=\\d)', behavior)('ab12c', true)).toEqual(['ab', '1', '2c']);
});

test('\\X splits into characters with their marks, as the Rust tokenizers do; inside a longer pattern it is refused', () => {
  const woman = '\u{1F469}\u200D\u{1F467}';
  const words = [
    'a',
    'e\u0301',
    '\r\n',
    '\u1100\u1161',
    woman,
    '\u{1F1E6}\u{1F1E8}',
    '\u0915\u094D',
    '\u0937',
    '\u0E01\u0E33',
  ];
  expect(splitBy('\\X')(words.join(''), true)).toEqual(words);
  expect(() => splitBy('a\\X')).toThrow('\\X');
});
