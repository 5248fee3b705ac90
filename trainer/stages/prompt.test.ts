import { join } from 'node:path';
import { expect, test } from 'vitest';
import { promptRequest } from './flags/prompt.ts';
import { memoryContext } from './memory-context.ts';
import { continuePrompt } from './prompt.ts';

const MODEL = join(import.meta.dirname, '..', '..', 'examples', 'gsm8k-equations', 'model');
const PROMPT = 'Ann has 3 pens and buys 4 more. How many pens does she have?\n';

const ask = (given: Readonly<Record<string, unknown>>) => {
  const request = promptRequest({ model: MODEL, maxNewTokens: 8, ...given }, '/');
  if (request === undefined) throw new Error('no prompt');
  return continuePrompt(request, memoryContext());
};

test('a prompt is continued greedily: its first choices are the likeliest tokens told', async () => {
  const { ids, logprobs } = await ask({ prompt: PROMPT, logprobs: 3 });
  expect(ids.length).toBeGreaterThan(0);
  expect(logprobs.map(([first]) => first?.id)).toEqual(ids);
  expect(logprobs.every((entries) => entries.length === 3)).toBe(true);
});

test('bf16 is computed in bf16: nearly the same probabilities, not the very same', async () => {
  const [exact, rounded] = [
    await ask({ prompt: PROMPT, logprobs: 1 }),
    await ask({ prompt: PROMPT, logprobs: 1, precision: 'bf16' }),
  ];
  const [a, b] = [exact, rounded].map(({ logprobs }) => logprobs[0]?.[0]?.logprob ?? Number.NaN) as [number, number];
  expect(b).not.toBe(a);
  expect(Math.abs(b - a)).toBeLessThan(0.1);
});

test.each([
  [{ prompt: 'x', precision: 'fp8' }, /--precision: "fp8" must be fp32 or bf16/],
  [{ prompt: 'x', inputIds: '1,2' }, /exclude each other/],
  [{ inputIds: '1,-2' }, /--input-ids: "-2" must be a whole number/],
  [{ inputIds: '1,454' }, /token id 454 is not in the model's vocabulary of 454/],
  [{ prompt: '' }, /the prompt has no tokens/],
])('%j is refused by name', async (given, message) => {
  await expect((async () => ask(given))()).rejects.toThrow(message);
});
