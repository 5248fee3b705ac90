import { describe, expect, test } from 'vitest';
import { selectFiles } from './dataset-directory.ts';

const select = (
  names: string[],
  selection: { config?: string; split?: string },
  card?: string,
  preferred = ['train'],
) => selectFiles(names, card, { ...selection, preferred }, 'somewhere');

describe('by the names of the files', () => {
  test.each<[string[], { config?: string; split?: string }, string[]]>([
    [['data.jsonl'], {}, ['data.jsonl']],
    [['train.jsonl', 'test.jsonl'], {}, ['train.jsonl']],
    [['train.jsonl', 'test.jsonl'], { split: 'test' }, ['test.jsonl']],
    [
      ['data/train-00001-of-00002.parquet', 'data/train-00000-of-00002.parquet', 'data/test-00000-of-00001.parquet'],
      {},
      ['data/train-00000-of-00002.parquet', 'data/train-00001-of-00002.parquet'],
    ],
    [['dev.csv', 'README.md', '.gitattributes'], {}, ['dev.csv']],
    [
      ['main/train-0.parquet', 'main/test-0.parquet', 'socratic/train-0.parquet'],
      { config: 'main' },
      ['main/train-0.parquet'],
    ],
    [['train/0000.parquet', 'test/0000.parquet'], { split: 'test' }, ['test/0000.parquet']],
    [['train.jsonl.gz', 'dataset_infos.json'], {}, ['train.jsonl.gz']],
    [['default/train/a.jsonl', 'extra/train/a.jsonl'], {}, ['default/train/a.jsonl']],
    [['data-00000-of-00001.arrow', 'dataset_info.json', 'state.json'], {}, ['data-00000-of-00001.arrow']],
    [
      ['dataset_dict.json', 'train/data-0.arrow', 'train/state.json', 'held_out/data-0.arrow', 'held_out/state.json'],
      { split: 'held_out' },
      ['held_out/data-0.arrow'],
    ],
    [['gsm8k-train.arrow', 'gsm8k-test.arrow', 'dataset_info.json'], {}, ['gsm8k-train.arrow']],
    [['contest.jsonl', 'latest.jsonl'], {}, ['contest.jsonl', 'latest.jsonl']],
  ])('%j %j', (names, selection, files) => {
    expect(select(names, selection)).toEqual(files);
  });

  test('an evaluation prefers test, then validation', () => {
    expect(select(['train.csv', 'val.csv'], {}, undefined, ['test', 'validation'])).toEqual(['val.csv']);
    expect(select(['train.csv', 'val.csv', 'test.csv'], {}, undefined, ['test', 'validation'])).toEqual(['test.csv']);
  });

  test.each<[string[], { config?: string; split?: string }, RegExp]>([
    [['validation.csv', 'test.csv'], {}, /has the splits validation, test: say which one/],
    [['train.csv'], { split: 'tset' }, /has the splits train, not tset/],
    [['a/train.csv', 'b/train.csv'], {}, /has the configs a, b: say which one/],
    [['a/train.csv', 'b/train.csv'], { config: 'c' }, /not c/],
    [['README.md'], {}, /no data files$/],
    [
      ['dataset_dict.json', 'a/data-0.arrow', 'a/state.json', 'b/data-0.arrow', 'b/state.json'],
      {},
      /has the splits a, b: say which one/,
    ],
  ])('%j %j: %s', (names, selection, message) => {
    expect(() => select(names, selection)).toThrow(message);
  });
});

describe('by the card', () => {
  const card = `---
license: mit
configs:
- config_name: default
  data_files:
  - split: train
    path: "files/part-*"
  - split: test
    path: [files/held-out.jsonl]
- config_name: small
  data_files: files/small.jsonl
---
# A data set`;
  const names = ['files/part-1.jsonl', 'files/part-0.jsonl', 'files/held-out.jsonl', 'files/small.jsonl', 'README.md'];

  test('its patterns say which files are which split', () => {
    expect(select(names, {}, card)).toEqual(['files/part-0.jsonl', 'files/part-1.jsonl']);
    expect(select(names, { split: 'test' }, card)).toEqual(['files/held-out.jsonl']);
    expect(select(names, { config: 'small' }, card)).toEqual(['files/small.jsonl']);
  });

  test('a card that says nothing of files is no hindrance', () => {
    expect(select(['train.csv'], {}, '---\nlicense: mit\n---\n')).toEqual(['train.csv']);
    expect(select(['train.csv'], {}, 'no front matter')).toEqual(['train.csv']);
  });
});
