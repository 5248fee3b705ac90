import { expect, test } from 'vitest';
import { componentsOf } from './components.ts';

const split = { type: 'Split', pattern: { String: ' ' }, behavior: 'Isolated', invert: false };

test.each([
  ['pre_tokenizer', split],
  ['pre_tokenizer', { type: 'Metaspace', replacement: '▁', add_prefix_space: true }],
  ['pre_tokenizer', { type: 'Metaspace', replacement: '▁', prepend_scheme: 'first', split: false }],
  ['normalizer', { type: 'NFC' }],
  ['decoder', { type: 'WordPiece', prefix: '##', cleanup: true }],
] as const)('%s %j is taken', (section, config) => {
  expect(componentsOf(config, section)).toEqual([{ config, path: section }]);
});

test.each([
  ['pre_tokenizer', { ...split, behavior: 'isolated' }, 'pre_tokenizer.behavior: '],
  ['pre_tokenizer', { ...split, invert: 'no' }, 'pre_tokenizer.invert: '],
  ['pre_tokenizer', { ...split, pattern: ' ' }, 'pre_tokenizer.pattern: '],
  ['pre_tokenizer', { type: 'ByteLevel', add_prefix_space: 'no' }, 'pre_tokenizer.add_prefix_space: '],
  ['pre_tokenizer', { type: 'Metaspace', replacement: '__' }, 'pre_tokenizer.replacement: must be one character'],
  [
    'pre_tokenizer',
    { type: 'Metaspace', replacement: '▁', prepend_scheme: 'second' },
    'pre_tokenizer.prepend_scheme: ',
  ],
  [
    'pre_tokenizer',
    { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always', add_prefix_space: false },
    'pre_tokenizer: add_prefix_space and prepend_scheme contradict each other',
  ],
  [
    'pre_tokenizer',
    { type: 'Sequence', pretokenizers: [{ type: 'Digits' }] },
    'pre_tokenizer.pretokenizers.0.individual_digits: ',
  ],
  ['normalizer', { type: 'Strip', strip_left: 1, strip_right: true }, 'normalizer.strip_left: '],
  ['decoder', { type: 'Strip', content: ' ', start: -1, stop: 0 }, 'decoder.start: '],
] as const)('%s %j is refused with its place', (section, config, message) => {
  expect(() => componentsOf(config, section)).toThrow(
    expect.objectContaining({ code: 'InvalidConfig', message: expect.stringContaining(message) }),
  );
});
