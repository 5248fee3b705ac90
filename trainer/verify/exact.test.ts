import { expect, test } from 'vitest';
import { createExactVerifier } from './exact.ts';

test('spaces and normal forms do not count, anything else does', async () => {
  const verifier = createExactVerifier({ ignoreCase: false });
  const judge = async (response: string, answer: string) => (await verifier.verify([{ response, answer }]))[0]?.correct;
  expect(await judge('  Paris\n', 'Paris')).toBe(true);
  expect(await judge('New \n York', 'New York')).toBe(true);
  expect(await judge('cafe\u0301', 'caf\u00e9')).toBe(true);
  expect(await judge('paris', 'Paris')).toBe(false);
  expect(await judge('Paris.', 'Paris')).toBe(false);
  expect(await judge('NewYork', 'New York')).toBe(false);
});

test('case counts unless it is told not to', async () => {
  const verifier = createExactVerifier({ ignoreCase: true });
  expect(await verifier.verify([{ response: 'PARIS ', answer: 'Paris' }])).toEqual([
    { correct: true, score: 1, extracted: 'paris', expected: 'paris' },
  ]);
});

test('an empty response states nothing', async () => {
  const verifier = createExactVerifier({ ignoreCase: false });
  expect(await verifier.verify([{ response: ' \n', answer: 'x' }])).toEqual([
    { correct: false, score: 0, extracted: undefined, expected: 'x' },
  ]);
});
