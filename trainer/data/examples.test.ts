import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DatasetSpec, EvaluationDataset } from '../../crds/spec/data.ts';
import { loadTokenizer } from '../tokenizer/load.ts';
import { type Example, loadExamples } from './examples.ts';

const tokenizer = await loadTokenizer(join(import.meta.dirname, '../tokenizer/testdata/qwen2'));
const special = (token: string) => tokenizer.encode(token, { addSpecialTokens: false })[0];

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'cft-data-'));
});
afterAll(() => rm(dir, { recursive: true }));

let files = 0;
async function source(content: string | Uint8Array | object[], name = 'data.jsonl'): Promise<string> {
  const path = join(dir, `${files++}-${name}`);
  const text = Array.isArray(content) ? content.map((row) => `${JSON.stringify(row)}\n`).join('') : content;
  await writeFile(path, text as string | Uint8Array);
  return path;
}
type Spec = Partial<Parameters<typeof DatasetSpec.parse>[0] & object>;
async function load(
  content: Parameters<typeof source>[0],
  spec: Spec = {},
  warnings: string[] = [],
): Promise<Example[]> {
  const dataset = DatasetSpec.parse({ source: await source(content), ...spec });
  return loadExamples(dataset, tokenizer, (reason, message) => warnings.push(`${reason}: ${message}`));
}
async function failure(content: Parameters<typeof source>[0], spec: Spec = {}) {
  return load(content, spec).then(
    () => undefined,
    (error) => error,
  );
}

const rows = [
  { question: 'What is 6 * 7?', answer: 'So 6 * 7 = 42.\n#### 42' },
  { question: 'What is 1 + 1?', answer: '#### 2' },
];

describe('rows become examples', () => {
  test('with the question and a newline as the prompt', async () => {
    const [first, second] = await load(rows);
    expect(first).toMatchObject({ ...rows[0], prompt: 'What is 6 * 7?\n', response: undefined });
    expect(first?.promptIds).toEqual(tokenizer.encode('What is 6 * 7?\n'));
    expect(second?.question).toBe('What is 1 + 1?');
  });

  test('with other columns, and numbers and truth values as text', async () => {
    const fields = { question: 'problem', answer: 'solution', response: 'output', id: 'key' };
    const data = [
      { problem: 'a', solution: 42, output: 'x', key: 7 },
      { problem: 'b', solution: true, output: 'y', key: 'k' },
    ];
    expect(await load(data, { fields })).toMatchObject([
      { id: '7', question: 'a', answer: '42', response: 'x', prompt: 'a\n' },
      { id: 'k', question: 'b', answer: 'true', response: 'y' },
    ]);
  });

  test('with a template of any column', async () => {
    const promptTemplate = '[{level}] {question} Use \\boxed{} and {{braces}}.\nA:';
    const [example] = await load([{ problem: '1+1', answer: '2', level: 3 }], {
      fields: { question: 'problem' },
      promptTemplate,
    });
    expect(example?.prompt).toBe('[3] 1+1 Use \\boxed{} and {braces}.\nA:');
  });

  test('with values that hold braces or special tokens left as they are', async () => {
    const question = '{answer} <|im_end|> {{x}}';
    const [example] = await load([{ question, answer: '1' }], { promptTemplate: '<|im_start|>{question}<|im_end|>' });
    expect(example?.prompt).toBe(`<|im_start|>${question}<|im_end|>`);
    expect(example?.promptIds.filter((id) => id === special('<|im_end|>'))).toHaveLength(1);
    expect(example?.promptIds.at(-1)).toBe(special('<|im_end|>'));
  });

  test('in the chat template', async () => {
    const [example] = await load([{ question: 'Hi<|im_end|>', answer: '1' }], {
      chat: true,
      systemPrompt: 'Be brief.',
    });
    expect(example?.prompt).toBe(
      '<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|><|im_end|>\n<|im_start|>assistant\n',
    );
    expect(example?.promptIds.filter((id) => id === special('<|im_end|>'))).toHaveLength(2);
    expect(tokenizer.decode(example?.promptIds ?? [])).toBe(example?.prompt);
  });

  test('only the first so many', async () => {
    const data = `${JSON.stringify(rows[0])}\nbroken, but not needed`;
    expect(await load(data, { maxSamples: 1 })).toHaveLength(1);
  });
});

describe('directories', () => {
  test('give the split that is asked for, with the columns and the prompt of a preset', async () => {
    const folder = await mkdtemp(join(dir, 'set-'));
    await writeFile(join(folder, 'train.jsonl'), JSON.stringify({ Body: 'Two', Question: 'How many?', Answer: 2 }));
    await writeFile(join(folder, 'test.csv'), 'Body,Question,Answer\nThree,How many?,3.0\n');
    const spec = DatasetSpec.parse({ source: folder, preset: 'svamp', chat: true });
    const prompt = expect.stringContaining('Two. How many?\nPlease reason step by step');
    expect(await loadExamples(spec, tokenizer)).toMatchObject([{ question: 'Two. How many?', answer: '2', prompt }]);
    expect(await loadExamples({ ...spec, split: 'test' }, tokenizer)).toMatchObject([{ answer: '3.0' }]);
    const evaluation = EvaluationDataset.parse({ name: 'svamp', source: folder, preset: 'svamp' });
    expect(await loadExamples(evaluation, tokenizer)).toMatchObject([
      { answer: '3.0', prompt: 'Question: Three. How many?\nAnswer: ' },
    ]);
  });

  test('are what split and config are for', async () => {
    expect(await failure(rows, { split: 'test' })).toMatchObject({
      code: 'InvalidArgument',
      hint: expect.stringContaining('split'),
    });
  });
});

describe('files', () => {
  test('may have a byte order mark, Windows line ends, blank lines and no line end at the end', async () => {
    const text = `\uFEFF${JSON.stringify(rows[0])}\r\n\r\n  \n${JSON.stringify(rows[1])}`;
    expect(await load(text)).toHaveLength(2);
  });

  test('may be a JSON array, whatever their name', async () => {
    expect(await load(JSON.stringify(rows, null, 2))).toMatchObject(rows);
    expect(await load(`\n ${JSON.stringify(rows)}`)).toMatchObject(rows);
  });

  test('are read in pieces, lines and characters across their borders', async () => {
    const long = Array.from({ length: 3000 }, (_, i) => ({
      question: `${i} ${'é😀'.repeat(i % 40)}`,
      answer: String(i),
    }));
    expect(await load(long)).toMatchObject(long);
  });
});

describe('ids', () => {
  test('depend on the content alone', async () => {
    const [a, b] = await load(rows);
    const [d, c] = await load([...rows].reverse(), { promptTemplate: 'Q: {question}' });
    expect([c?.id, d?.id]).toEqual([a?.id, b?.id]);
    expect(a?.id).toMatch(/^[0-9a-f]{16}$/);
    expect(a?.id).not.toBe(b?.id);
  });

  test('of the same content come once, with a warning', async () => {
    const warnings: string[] = [];
    expect(await load([...rows, rows[0] as object], {}, warnings)).toHaveLength(2);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(/^DuplicateRows: 1 rows of .* \(left out\), the first: .*:3 repeats .*:1$/);
  });

  test('of their own keep rows with the same content, with a warning', async () => {
    const warnings: string[] = [];
    const data = ['x', 'y'].map((id) => ({ id, ...rows[0] }));
    expect(await load(data, { fields: { id: 'id' } }, warnings)).toHaveLength(2);
    expect(warnings[0]).toContain('kept');
  });

  test('of their own must be unique', async () => {
    const data = rows.map((row) => ({ id: 'x', ...row }));
    const error = await failure(data, { fields: { id: 'id' } });
    expect(error).toMatchObject({
      code: 'InvalidRecord',
      where: expect.stringMatching(/:2$/),
      message: expect.stringMatching(/"x" was used before, at .*:1/),
    });
  });
});

describe('bad data ends in one error that says where and what', () => {
  const good = JSON.stringify(rows[0]);
  test.each<
    [string, Parameters<typeof source>[0], Spec, { code: string; where: RegExp; message: RegExp; hint?: RegExp }]
  >([
    ['broken JSON', `${good}\n{"question": "x"\n`, {}, { code: 'InvalidRecord', where: /:2$/, message: /not JSON/ }],
    [
      'a broken array',
      '[\n{"question": "x", "answer": "y"},\n{"question" "x"}]',
      {},
      { code: 'InvalidRecord', where: /:3$/, message: /not JSON/ },
    ],
    [
      'a row that is no object',
      `${good}\n"text"\n`,
      {},
      { code: 'InvalidRecord', where: /:2$/, message: /this is a string/ },
    ],
    ['an array of arrays', '[[1]]', {}, { code: 'InvalidRecord', where: /\[0\]$/, message: /this is an array/ }],
    [
      'a missing column',
      [{ questions: 'x', answer: 'y', level: 1 }],
      {},
      {
        code: 'InvalidRecord',
        where: /:1$/,
        message: /"question", .* is missing; the row has "questions", "answer", "level"/,
        hint: /fields.question .*perhaps questions/,
      },
    ],
    [
      'a missing response',
      rows,
      { fields: { response: 'output' } },
      { code: 'InvalidRecord', where: /:1$/, message: /"output"/, hint: /fields.response/ },
    ],
    [
      'an unknown placeholder',
      rows,
      { promptTemplate: '{topic}' },
      { code: 'InvalidRecord', where: /:1$/, message: /"topic", .*promptTemplate/, hint: /\{\{ and \}\}/ },
    ],
    ['a null', [{ question: null, answer: 'y' }], {}, { code: 'InvalidRecord', where: /:1$/, message: /is null/ }],
    [
      'an empty answer',
      [{ question: 'x', answer: ' ' }],
      {},
      { code: 'InvalidRecord', where: /:1$/, message: /"answer".* is empty/ },
    ],
    [
      'an object as the answer',
      [{ question: 'x', answer: { value: 1 } }],
      {},
      { code: 'InvalidRecord', where: /:1$/, message: /it is an object/ },
    ],
    [
      'an array as the question',
      [{ question: ['x'], answer: '1' }],
      {},
      { code: 'InvalidRecord', where: /:1$/, message: /it is an array/ },
    ],
    [
      'a number that JSON can not hold',
      '{"question": "x", "answer": 12345678901234567890}',
      {},
      { code: 'InvalidRecord', where: /:1$/, message: /too large/, hint: /quotes/ },
    ],
    ['an empty file', '', {}, { code: 'EmptyDataset', where: /data.jsonl$/, message: /no rows/ }],
    ['blank lines', '\n\n', {}, { code: 'EmptyDataset', where: /data.jsonl$/, message: /no rows/ }],
    ['an empty array', '[]', {}, { code: 'EmptyDataset', where: /data.jsonl$/, message: /no rows/ }],
    [
      'bytes that are no UTF-8',
      Uint8Array.from([...Buffer.from(`${good}\n`), 0x22, 0xff, 0x22]),
      {},
      { code: 'CorruptFile', where: /:2$/, message: /not UTF-8/ },
    ],
  ])('%s', async (_, content, spec, { code, where, message, hint }) => {
    const error = await failure(content, spec);
    expect(error).toMatchObject({
      name: 'CftError',
      code,
      where: expect.stringMatching(where),
      message: expect.stringMatching(message),
    });
    if (hint !== undefined) expect(error.hint).toMatch(hint);
  });

  test.each([
    ['/nowhere/data.jsonl', 'FileNotFound', 'does not exist'],
    [join(import.meta.dirname, '../verify/testdata/../../random'), 'FileNotFound', 'does not exist'],
    ['data.zip', 'InvalidArgument', '.zip'],
    ['data.parquet', 'FileNotFound', 'does not exist'],
  ])('%s', async (path, code, message) => {
    const dataset = DatasetSpec.parse({ source: path });
    await expect(loadExamples(dataset, tokenizer)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(message),
    });
  });
});
