import { expect, test } from 'vitest';
import { createRegexVerifier } from './regex.ts';

const judge = async (spec: { pattern: string; flags?: string; group?: number }, response: string, answer: string) =>
  (await createRegexVerifier({ flags: '', group: 1, ...spec }).verify([{ response, answer }]))[0];

test('the last match counts, and is compared with that in the reference', async () => {
  const spec = { pattern: 'ANSWER: (\\w+)' };
  expect(await judge(spec, 'ANSWER: no ANSWER: yes', 'ANSWER: yes')).toEqual({
    correct: true,
    score: 1,
    extracted: 'yes',
    expected: 'yes',
  });
  expect(await judge(spec, 'ANSWER: yes', 'yes')).toMatchObject({ correct: true });
  expect(await judge(spec, 'ANSWER: yes', ' yes \n')).toMatchObject({ correct: true, expected: 'yes' });
  expect(await judge(spec, 'ANSWER: no', 'yes')).toMatchObject({ correct: false, score: 0, extracted: 'no' });
  expect(await judge(spec, 'yes', 'yes')).toEqual({ correct: false, score: 0, extracted: undefined, expected: 'yes' });
});

test('flags and groups', async () => {
  expect(await judge({ pattern: 'answer: (\\w+)', flags: 'i' }, 'ANSWER: x', 'x')).toMatchObject({ correct: true });
  expect(await judge({ pattern: '\\d+', group: 0 }, 'a 1 b 22', '22')).toMatchObject({ correct: true });
  expect(await judge({ pattern: '(a)|(b)', group: 2 }, 'b a', 'b')).toMatchObject({
    correct: true,
    score: 1,
    extracted: 'b',
  });
  expect(await judge({ pattern: 'x*', group: 0 }, 'abc', 'abc')).toMatchObject({
    correct: false,
    score: 0,
    extracted: undefined,
  });
});

test('a broken pattern or a group that is not there is refused at once', () => {
  const create =
    (pattern: string, group = 1) =>
    () =>
      createRegexVerifier({ pattern, flags: '', group });
  expect(create('(')).toThrow(expect.objectContaining({ code: 'InvalidArgument' }));
  expect(create('\\d+')).toThrow('has 0 capture groups, not 1');
  expect(create('\\d+', 0)).not.toThrow();
});

test('a pattern that would search for ages ends in an error, not in a verdict', async () => {
  const verifier = createRegexVerifier({ pattern: '^(a+)+$', flags: '', group: 1 });
  const items = ['aa', `${'a'.repeat(60)}!`].map((response) => ({ response, answer: 'a' }));
  await expect(verifier.verify(items)).rejects.toMatchObject({
    code: 'InvalidArgument',
    message: expect.stringContaining('61 characters'),
  });
  expect(await verifier.verify([{ response: 'aa', answer: 'aa' }])).toMatchObject([{ correct: true }]);
});
