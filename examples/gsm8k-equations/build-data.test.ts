import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createVerifier } from '../../trainer/verify/create.ts';
import { equationRecords } from './build-data.ts';
import { evaluateChain } from './chain.ts';
import { chainsOf, readRecords } from './records.ts';

const HERE = import.meta.dirname;
const run = promisify(execFile);

describe.each(['train', 'test'])('the shipped %s.jsonl', (split) => {
  test('holds the exact result of every question', async () => {
    const records = await readRecords(join(HERE, `${split}.jsonl`));
    const results = chainsOf(records).map((chain) => evaluateChain(chain)?.at(-1));
    expect(records.map(({ answer }) => answer)).toEqual(results);
  });

  test('is accepted by the verifier when answered as the model does, and only then', async () => {
    const records = await readRecords(join(HERE, `${split}.jsonl`));
    const verifier = createVerifier({ type: 'math' });
    const right = records.map(({ answer }) => ({ response: `So the result is #### ${answer}`, answer }));
    const wrong = records.map(({ answer }) => ({ response: `So the result is #### ${answer}1`, answer }));
    expect((await verifier.verify(right)).filter(({ correct }) => !correct)).toEqual([]);
    expect((await verifier.verify(wrong)).filter(({ correct }) => correct)).toEqual([]);
  });

  test('has each id and each question once', async () => {
    const records = await readRecords(join(HERE, `${split}.jsonl`));
    expect(new Set(records.map(({ id }) => id)).size).toBe(records.length);
    expect(new Set(records.map(({ question }) => question)).size).toBe(records.length);
  });
});

test('no test question is in the train split', async () => {
  const [train, held] = await Promise.all(['train', 'test'].map((split) => readRecords(join(HERE, `${split}.jsonl`))));
  const questions = new Set(held?.map(({ question }) => question));
  expect(train?.filter(({ question }) => questions.has(question))).toEqual([]);
});

describe('equationRecords', () => {
  const answers = ['<<48/2=24>> #### 24', 'nothing', '<<48/2=24>> #### 24', '<<1+1=2>> #### 2', '<<3*3=9>> #### 9'];

  test('keeps a repeated question once, leaves out those of the other split, names the line', () => {
    const records = equationRecords('some', answers, new Set(['a = 1+1. What is a?']));
    expect(records.toSorted((a, b) => (a.id < b.id ? -1 : 1))).toEqual([
      { id: 'some-1', question: 'a = 48/2. What is a?', answer: '24' },
      { id: 'some-5', question: 'a = 3*3. What is a?', answer: '9' },
    ]);
  });
});

describe('the command', () => {
  let out = '';
  beforeEach(async () => {
    out = await mkdtemp(join(tmpdir(), 'equations-'));
  });
  afterEach(() => rm(out, { recursive: true }));

  const build = (source: string) => run(process.execPath, [join(HERE, 'build-data.ts'), source, '--out', out]);

  test('writes the same bytes each time', async () => {
    const files = () => Promise.all(['train', 'test'].map((split) => readFile(join(out, `${split}.jsonl`), 'utf8')));
    await build(join(HERE, 'testdata/gsm8k'));
    const first = await files();
    await build(join(HERE, 'testdata/gsm8k'));
    expect(await files()).toEqual(first);
    expect(first[0]?.trimEnd().split('\n')).toHaveLength(7);
    expect(first[0]).toContain('{"id":"train-1","question":"a = 48/2, b = 48+a. What is b?","answer":"72"}');
  });

  test('names a missing folder and a broken line', async () => {
    await expect(build(join(out, 'nowhere'))).rejects.toThrow(/FileNotFound[\s\S]*nowhere\/test.jsonl[\s\S]*try/);
    await writeFile(join(out, 'test.jsonl'), '{"question": "?", "answer": "#### 1"}\n{"question":\n');
    await expect(build(out)).rejects.toThrow(/InvalidRecord[\s\S]*test.jsonl:2/);
  });
});
