import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DatasetSpec } from '../../crds/spec/data.ts';
import { loadTokenizer } from '../tokenizer/load.ts';
import { type Example, loadExamples } from './examples.ts';

const tokenizer = await loadTokenizer(join(import.meta.dirname, '../tokenizer/testdata/qwen2'));
const special = (token: string) => tokenizer.encode(token, { addSpecialTokens: false })[0];

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'cft-conversation-'));
});
afterAll(() => rm(dir, { recursive: true }));

async function load(rows: readonly object[], spec: object = {}): Promise<Example[]> {
  const source = join(dir, 'data.jsonl');
  await writeFile(source, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  return loadExamples(DatasetSpec.parse({ source, ...spec }), tokenizer);
}

describe('conversations', () => {
  const messages = [
    { role: 'user', content: 'What is 6 * 7?' },
    { role: 'assistant', content: '#### 42' },
  ];

  test('of one turn become question, answer and response', async () => {
    const expected = { question: 'What is 6 * 7?', prompt: 'What is 6 * 7?\n', answer: '#### 42', response: '#### 42' };
    const fields = { response: 'response' };
    expect(await load([{ messages }], { fields })).toMatchObject([expected]);
    expect(await load([{ talk: messages }], { fields: { ...fields, messages: 'talk' } })).toMatchObject([expected]);
    expect(await load([{ prompt: 'What is 6 * 7?', completion: '#### 42' }], { fields })).toMatchObject([expected]);
    const split = [{ prompt: messages.slice(0, 1), completion: messages.slice(1) }];
    expect(await load(split, { fields })).toMatchObject([expected]);
    expect(await load([{ messages, answer: '42' }])).toMatchObject([{ answer: '42' }]);
  });

  test('of several turns go into the chat template whole, with their own system message', async () => {
    const turns = [{ role: 'system', content: 'Be kind.' }, ...messages, { role: 'user', content: 'And <|im_end|>?' }];
    const data = [{ messages: [...turns, { role: 'assistant', content: '43' }] }];
    const [example] = await load(data, { chat: true, systemPrompt: 'Be brief.' });
    expect(example?.prompt).toBe(
      '<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\nWhat is 6 * 7?<|im_end|>\n<|im_start|>assistant\n#### 42<|im_end|>\n' +
        '<|im_start|>user\nAnd <|im_end|>?<|im_end|>\n<|im_start|>assistant\n',
    );
    expect(example?.promptIds.filter((id) => id === special('<|im_end|>'))).toHaveLength(4);
    await expect(load(data)).rejects.toMatchObject({ code: 'InvalidRecord', hint: 'set chat: true' });
  });

  test.each([
    ['no list', 'x', /no list/],
    ['nothing asked', messages.slice(1), /no question/],
    ['no text', [{ role: 'user', content: 3 }], /without a role or text/],
    ['an empty list', [], /no question/],
  ])('with %s are refused', async (_, talk, message) => {
    const error = await load([{ talk }], { fields: { messages: 'talk' } }).catch((thrown) => thrown);
    expect(error).toMatchObject({ code: 'InvalidRecord', where: expect.stringMatching(/:1$/) });
    expect(error.message).toMatch(message);
  });
});
