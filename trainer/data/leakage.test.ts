import { expect, test } from 'vitest';
import { findLeaks, warnOfLeaks } from './leakage.ts';

const asked = (...questions: string[]) => questions.map((question, i) => ({ id: `q${i}`, question }));
const long = 'Natalia sold clips to 48 of her friends in April and then she sold half as many clips in May';

test('the same question in another dress is found, and a shared run of 13 words', () => {
  const train = asked('What is 6 * 7?', `${long}. How many?`);
  const evaluation = asked('what is  6*7 ?', `Once ${long}, what then?`, 'What is 6 * 8?', 'Natalia sold clips');
  expect(findLeaks(train, evaluation)).toEqual([
    { id: 'q0', trainId: 'q0', kind: 'same' },
    { id: 'q1', trainId: 'q1', kind: 'overlap' },
  ]);
});

test('questions of signs alone are compared as they stand', () => {
  expect(findLeaks(asked('+ - ='), asked('+ - =', '- + ='))).toEqual([{ id: 'q0', trainId: 'q0', kind: 'same' }]);
});

test('one warning tells how many, and the first', () => {
  const warnings: string[] = [];
  warnOfLeaks(asked('a b', 'c'), asked('A B', 'd'), 'held-out', (reason, message) =>
    warnings.push(`${reason}: ${message}`),
  );
  warnOfLeaks(asked('a b', 'c'), asked('d'), 'clean', (reason, message) => warnings.push(`${reason}: ${message}`));
  expect(warnings).toEqual([
    'LeakedQuestions: 1 of 2 questions of held-out are in the training data too (1 the same, 0 with 13 words in a row), the first: q0 is q0 there',
  ]);
});
