/** A tokenizer.json from anywhere must never keep its user waiting for ever. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { componentsOf } from './components.ts';
import { unboundedPatterns } from './patterns.ts';
import { createPipeline } from './pipeline.ts';
import type { TokenizerJson } from './tokenizer-files.ts';

const testdata = join(import.meta.dirname, 'testdata');

function tokenizer(parts: Partial<Record<'normalizer' | 'pre_tokenizer' | 'decoder', object>>): TokenizerJson {
  return {
    model: { type: 'WordLevel', vocab: { a: 0, '?': 1 }, unk_token: '?' },
    added_tokens: [],
    normalizer: null,
    pre_tokenizer: null,
    post_processor: null,
    decoder: null,
    ...parts,
  } as TokenizerJson;
}

const times = (count: number, component: object) => Array.from({ length: count }, () => component);
const DOUBLE = { type: 'Replace', pattern: { String: 'a' }, content: 'aa' };
const LETTERS = { type: 'ByteLevel', add_prefix_space: false, use_regex: false };

describe('steps that each let a text grow are refused with the place of the one that goes too far', () => {
  const normalizers = (...all: object[]) => tokenizer({ normalizer: { type: 'Sequence', normalizers: all } });
  const preTokenizers = (...all: object[]) => tokenizer({ pre_tokenizer: { type: 'Sequence', pretokenizers: all } });
  test.each<[string, TokenizerJson, string, RegExp]>([
    ['normalizers', normalizers(...times(60, DOUBLE)), 'a', /^normalizer\.normalizers\.1\d: /],
    [
      'sequences in sequences',
      normalizers(...times(60, { type: 'Sequence', normalizers: [DOUBLE] })),
      'a',
      /^normalizer\.normalizers\.1\d\.normalizers\.0: /,
    ],
    ['bytes as letters, again and again', normalizers(...times(60, LETTERS)), 'é', /^normalizer\.normalizers\.\d+: /],
    [
      'one with a long text',
      normalizers({ ...DOUBLE, content: 'b'.repeat(2 ** 20) }),
      'aa',
      /^normalizer\.norm.*\.0: /,
    ],
    [
      'one whose result is longer than any text',
      tokenizer({ normalizer: { ...DOUBLE, content: 'b'.repeat(2 ** 20) } }),
      'a'.repeat(1000),
      /^normalizer: /,
    ],
    ['pre-tokenizers', preTokenizers(...times(60, LETTERS)), 'é', /^pre_tokenizer\.pretokenizers\.\d+: /],
  ])('%s', (_, json, text, message) => {
    expect(() => createPipeline(json).encode(text)).toThrow(
      expect.objectContaining({ code: 'InvalidConfig', message: expect.stringMatching(message) }),
    );
  });

  test('decoders', () => {
    const { decode } = createPipeline(tokenizer({ decoder: { type: 'Sequence', decoders: times(60, DOUBLE) } }));
    expect(() => decode([0])).toThrow(
      expect.objectContaining({ code: 'InvalidConfig', message: expect.stringMatching(/^decoder\.decoders\.1\d: /) }),
    );
  });

  test('but what real ones do with the letters that grow most is no such growth', () => {
    const { encode } = createPipeline(normalizers({ type: 'NFKD' }, { type: 'ByteLevel' }, { type: 'StripAccents' }));
    expect(encode('\uFDFA'.repeat(1000))).toEqual([1]);
  });
});

describe('a pattern that backtracks without end is stopped and named', () => {
  const ENDLESS = { Regex: '(a+)+$' };
  const text = `${'a'.repeat(40)}b`;
  const replace = { type: 'Replace', pattern: ENDLESS, content: '' };
  const stopped = (path: string) =>
    expect.objectContaining({ code: 'InvalidConfig', message: expect.stringContaining(`${path}: `) });

  test.each([
    ['normalizer', tokenizer({ normalizer: replace })],
    [
      'pre_tokenizer.pretokenizers.1',
      tokenizer({
        pre_tokenizer: {
          type: 'Sequence',
          pretokenizers: [
            { type: 'Whitespace' },
            { type: 'Split', pattern: ENDLESS, behavior: 'Isolated', invert: false },
          ],
        },
      }),
    ],
  ])('%s', (path, json) => {
    const { encode } = createPipeline(json, 200);
    expect(() => encode(text)).toThrow(stopped(path));
    expect(encode('b')).toEqual([1]);
  });

  test('in a decoder', () => {
    const json = tokenizer({ decoder: replace });
    const { decode } = createPipeline({ ...json, added_tokens: [added(text, 2)] }, 200);
    expect(() => decode([2])).toThrow(stopped('decoder'));
    expect(decode([1])).toBe('?');
  });

  test('on the content of an added token, when the tokenizer is put together', () => {
    const json = { ...tokenizer({ normalizer: replace }), added_tokens: [added(text, 2)] };
    expect(() => createPipeline(json, 200)).toThrow(stopped('normalizer'));
  });
});

function added(content: string, id: number): TokenizerJson['added_tokens'][number] {
  return { content, id, special: false, normalized: true, single_word: false, lstrip: false, rstrip: false };
}

test('a length of pieces that would never reach the end is refused', () => {
  for (const length of [0, -1, 0.5, 'x', null])
    expect(() => createPipeline(tokenizer({ pre_tokenizer: { type: 'FixedLength', length } }))).toThrow(
      expect.objectContaining({ code: 'InvalidConfig', message: expect.stringContaining('FixedLength') }),
    );
});

describe('which patterns need a time limit', () => {
  const needed = (pattern: object) =>
    unboundedPatterns([{ config: { type: 'Split', pattern }, path: 'here' }]).length > 0;
  test.each([
    ['(a+)+$', true],
    ['(a|a)*', true],
    ['a?a?a?aaa', true],
    ['a*a*a*b', true],
    ['a+b', true],
    ['[a|b]+[c|d]+', true],
    ['\\s{2,}', false],
    ['foo|ba[rz]+|\\d{1,3}|x', false],
    ['', false],
  ])('%s: %s', (Regex, needs) => {
    expect(needed({ Regex })).toBe(needs);
    expect(needed({ String: Regex })).toBe(false);
  });

  test('none of ordinary tokenizers: the limit costs more time than their own work', async () => {
    for (const kind of ['llama3', 'qwen2', 'words', 'sentencepiece']) {
      const json = JSON.parse(await readFile(join(testdata, kind, 'tokenizer.json'), 'utf8'));
      const components = [
        ...componentsOf(json.normalizer, 'normalizer'),
        ...componentsOf(json.pre_tokenizer, 'pre_tokenizer'),
      ];
      expect(components.filter(({ config }) => config.pattern !== undefined)).toHaveLength(1);
      expect(unboundedPatterns(components)).toEqual([]);
    }
  });
});
