import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { loadTokenizer } from '../../trainer/tokenizer/load.ts';
import type { Tokenizer } from '../../trainer/tokenizer/tokenizer.ts';
import { learnMerges } from './bpe.ts';
import { type PretrainExample, pretrainExamples, promptOf } from './pretrain-data.ts';
import { chainsOf, type EquationRecord, readRecords } from './records.ts';
import { tokenizerTexts, trainTokenizer } from './train-tokenizer.ts';

const HERE = import.meta.dirname;
const MODEL = join(HERE, 'model');

let tokenizer: Tokenizer;
let train: EquationRecord[] = [];
let records: EquationRecord[] = [];
let examples: PretrainExample[] = [];

beforeAll(async () => {
  tokenizer = await loadTokenizer(MODEL);
  train = await readRecords(join(HERE, 'train.jsonl'));
  records = [...train, ...(await readRecords(join(HERE, 'test.jsonl')))];
  const stream = pretrainExamples({ chains: chainsOf(train), held: new Set(), seed: 9, keepNumbers: 0.5 });
  examples = Array.from({ length: 2000 }, () => stream.next().value);
});

describe('the shipped tokenizer', () => {
  test('is what train-tokenizer.ts makes', async () => {
    const made = trainTokenizer(tokenizerTexts(chainsOf(train)));
    const shipped = async (name: string) => JSON.parse(await readFile(join(MODEL, name), 'utf8')) as unknown;
    expect(made.tokenizer).toEqual(await shipped('tokenizer.json'));
    expect(made.config).toEqual(await shipped('tokenizer_config.json'));
  });

  test('gives back every prompt of the data and every worked answer, in tokens that fit the demo', () => {
    for (const { question } of records) {
      const ids = tokenizer.encode(promptOf(question));
      expect(tokenizer.decode(ids)).toBe(promptOf(question));
      expect(ids.length).toBeLessThan(64);
    }
    const lengths = examples.map(({ response }) => {
      const ids = tokenizer.encode(response);
      expect(tokenizer.decode(ids)).toBe(response);
      return ids.length;
    });
    expect(Math.max(...lengths)).toBeLessThan(120);
    const mean = lengths.reduce((sum, length) => sum + length, 0) / lengths.length;
    expect(mean).toBeGreaterThan(55);
    expect(mean).toBeLessThan(66);
  });

  test('has a token for each word, and digits one by one', () => {
    for (const { prompt, response } of examples.slice(0, 300)) {
      const tokens = tokenizer.encode(response).map((id) => tokenizer.tokenText(id));
      const pieces = response.match(/ ?[a-zA-Z]+| ####| =|\s|./g);
      expect(tokens).toEqual(pieces);
      // Prompt and response meet at a token boundary: generation sees the ids that training saw.
      expect(tokenizer.encode(prompt + response)).toEqual([...tokenizer.encode(prompt), ...tokenizer.encode(response)]);
    }
  });

  test('encodes as transformers does', async () => {
    const cases = JSON.parse(await readFile(join(HERE, 'testdata/encodings.json'), 'utf8')) as {
      text: string;
      ids: number[];
      decoded: string;
    }[];
    for (const { text, ids, decoded } of cases) {
      expect(tokenizer.encode(text), text).toEqual(ids);
      expect(tokenizer.decode(ids), text).toBe(decoded);
    }
  });

  test('gives back any other text too', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        expect(tokenizer.decode(tokenizer.encode(text, { literal: true }))).toBe(text.normalize('NFC'));
      }),
    );
  });
});

describe('learnMerges', () => {
  test('merges the most frequent pair first and ends when every piece is one symbol', () => {
    expect(
      learnMerges(
        new Map([
          ['low', 5],
          ['lower', 2],
          [' new', 6],
        ]),
      ),
    ).toEqual([
      ['l', 'o'],
      ['lo', 'w'],
      ['e', 'w'],
      ['n', 'ew'],
      ['Ġ', 'new'],
      ['e', 'r'],
      ['low', 'er'],
    ]);
  });

  test('takes the first in code-point order of equally frequent pairs', () => {
    expect(learnMerges(new Map([['bdac', 1]]))[0]).toEqual(['a', 'c']);
  });
});
