import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { correctResponses, surveyResponses } from './responses.ts';
import { randomResponses } from './testing.ts';

const dir = mkdtempSync(join(tmpdir(), 'cft-responses-'));
afterAll(() => rmSync(dir, { recursive: true }));

const all = randomResponses(20, 60, 1).map((response, i) => ({ ...response, correct: i % 3 !== 0 }));
const correct = all.filter((response) => response.correct);
const path = join(dir, 'responses.jsonl');
writeFileSync(path, all.map((response) => `${JSON.stringify(response)}\n`).join(''));

test('the correct ones come in order, some of the first left out, and no more than asked for', async () => {
  const ids = async (from?: number, to?: number) =>
    (await Array.fromAsync(correctResponses(path, from, to))).map(({ id }) => id);
  const expected = correct.map(({ id }) => id);
  expect(await ids()).toEqual(expected);
  expect(await ids(4)).toEqual(expected.slice(4));
  expect(await ids(4, 7)).toEqual(expected.slice(4, 7));
  expect(await ids(9, 7)).toEqual([]);
});

test('a survey says of them what they are, and how long', async () => {
  const longest = (lengthOf: (response: (typeof correct)[number]) => number) => Math.max(...correct.map(lengthOf));
  expect(await surveyResponses(correctResponses(path))).toEqual({
    ids: correct.map(({ id }) => id),
    longestPrompt: longest(({ promptIds }) => promptIds.length),
    longestResponse: longest(({ responseIds }) => responseIds.length),
    longest: longest(({ promptIds, responseIds }) => promptIds.length + responseIds.length),
  });
  expect(await surveyResponses(correctResponses(path, 0, 0))).toMatchObject({ ids: [], longest: 0 });
});

test('of a file only what is asked for is read: a broken line behind it does no harm, one before it is named', async () => {
  const broken = join(dir, 'broken.jsonl');
  writeFileSync(broken, `${JSON.stringify(correct[0])}\n{"id": 3}\n`);
  expect(await Array.fromAsync(correctResponses(broken, 0, 1))).toHaveLength(1);
  await expect(Array.fromAsync(correctResponses(broken))).rejects.toMatchObject({
    code: 'InvalidRecord',
    where: `${broken}:2`,
  });
});
