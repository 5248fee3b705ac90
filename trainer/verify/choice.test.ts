import { describe, expect, test } from 'vitest';
import { createChoiceVerifier } from './choice.ts';

const letters = createChoiceVerifier({ choices: ['A', 'B', 'C', 'D', 'E'] });

async function chosen(response: string, verifier = letters, answer = 'A'): Promise<string | undefined> {
  const [verdict] = await verifier.verify([{ response, answer }]);
  return verdict?.extracted;
}

describe('a response chooses', () => {
  test.each<[string, string]>([
    ['B', 'B'],
    ['b', 'B'],
    ['(B)', 'B'],
    ['[B]', 'B'],
    ['B.', 'B'],
    ['B)', 'B'],
    ['**B**', 'B'],
    ['"B"', 'B'],
    [' B \n', 'B'],
    ['A', 'A'],
    ['(a)', 'A'],
    ['E', 'E'],
    ['B) aspirin', 'B'],
    ['B. aspirin', 'B'],
    ['B: aspirin', 'B'],
    ['(B) aspirin', 'B'],
    ['**B)** aspirin', 'B'],
    ['The answer is B', 'B'],
    ['The answer is (B).', 'B'],
    ['The answer is B.', 'B'],
    ['the answer is b.', 'B'],
    ['answer: B', 'B'],
    ['Answer: (B)', 'B'],
    ['Answer: B) aspirin', 'B'],
    ['**Answer:** B', 'B'],
    ['Answer:\nB', 'B'],
    ['Final answer: **B**', 'B'],
    ['The correct answer is option B.', 'B'],
    ['The correct option is (C)', 'C'],
    ['The best choice is D.', 'D'],
    ['The answer is therefore B.', 'B'],
    ['The answer is: B. aspirin', 'B'],
    ['The answer is A.', 'A'],
    ['The answer is A because it fits.', 'A'],
    ['The answer is A', 'A'],
    ['The answer is B because it fits.', 'B'],
    ['\\boxed{B}', 'B'],
    ['\\boxed{\\text{B}}', 'B'],
    ['\\boxed{(B)}', 'B'],
    ['\\boxed{\\textbf{(B) }42}', 'B'],
    ['#### B', 'B'],
    ['#### (B)', 'B'],
    ['so it is $\\boxed{\\mathrm{C}}$.', 'C'],
    ['The answer is A.\nNo, the answer is B.', 'B'],
    ['\\boxed{A} no, \\boxed{B}', 'B'],
    ['The answer is A. \\boxed{B}', 'B'],
    ['#### A\n\\boxed{B}', 'B'],
    ['The answer is not A. The answer is B.', 'B'],
    ['Let me think about A.\nB', 'B'],
    ['Let me think.\n\n(B)', 'B'],
    ['B) aspirin\nIt thins the blood.', 'B'],
    ['It thins the blood, so\nB) aspirin', 'B'],
    ['It must be (B), which thins the blood.', 'B'],
    ['(A) is wrong, so (B)', 'B'],
    ['It is (B), not (C)', 'B'],
    ['(B) fits and (C) is wrong.', 'B'],
    ['Not (A). Perhaps (C), but then (D)', 'D'],
    ['I think B fits best', 'B'],
    ['I would choose C, since it fits', 'C'],
    ['Definitely D!', 'D'],
    ['A is correct', 'A'],
    ["It can't be A since that fits nothing, therefore I think it's D", 'D'],
    ['A. one\nB. two\nC. three\nTherefore: C', 'C'],
    ['The answer is for sure D, not C', 'D'],
    ['The answer is C. difficult to see, but true', 'C'],
    ['#### Thoughts\nThe answer is B', 'B'],
    ['The wrong options are A, C and D, so the answer is B', 'B'],
    ['We eliminate A, C, and D, leaving B.', 'B'],
    ['It is not B, it is C', 'C'],
    ['If 2x = 6, then x = 3, so the answer is B.', 'B'],
    ['The answer is B. Otherwise the patient would bleed.', 'B'],
    ['The answer is B because C fits only if x is 3', 'B'],
    ['The answer is (B) Cannot be determined.', 'B'],
    ['The answer is (D) does not change.', 'D'],
    ['D) does not change', 'D'],
    ['The answer is A - aspirin', 'A'],
    ['D is the correct answer because it is the only one with iron', 'D'],
    ['The correct one is B', 'B'],
    ['The only option left is D', 'D'],
    ['option b', 'B'],
    ['Answer: D) Are we alone in the universe?', 'D'],
    ['The answer is (D) All of the above answers are correct.', 'D'],
    ['D. They lose a poly(A) tail', 'D'],
  ])('%j -> %s', async (response, label) => {
    expect(await chosen(response)).toBe(label);
  });

  test.each([
    '',
    'aspirin',
    'F',
    '(F)',
    '42',
    'The answer is F',
    'The answer is aspirin.',
    'The answer is (II)',
    'II',
    'Answer: iv',
    'The answer is B or C',
    'The answer is A and B.',
    'Answer: A, B',
    'The answer is B/C',
    'A) one\nB) two\nC) three',
    'B and C are both wrong',
    'It is B. But C fits as well',
    'The answer is a mystery',
    'The correct answers are A and C.',
    'Vitamin C',
    'It is caused by hepatitis B',
    'The answer is vitamin D',
    'The answer is E. coli.',
    'Most cases are due to C. difficile',
    '\\boxed{A} or \\boxed{B}',
    'The answer is A mammal',
    'A mammal is an animal',
    'I have a dog',
    '\\boxed{42}',
    '\\boxed{B',
    'The answer is',
    'The answer is not B.',
    'It is not (B)',
    'It cannot be B.',
    'The answer cannot be B',
    'B is the wrong answer',
    'Bad',
    'Because',
    'BC',
    'vitamin C-rich',
    "B's",
    '\\boxed{F} (B)',
    'The answer is unclear (B)',
    '#### ',
    'The wrong option is B',
    'The incorrect answer is (B).',
    'The least likely answer is B',
    'Another option is B',
    'The first option is A, the second option is B',
    'If it is positive then B, otherwise C',
    'If it is positive then (B), otherwise (C)',
    'If it is positive, the answer is B, otherwise C.',
    'If it is positive, the answer is B. Otherwise, the answer is C.',
    'The answer is B if it is positive.',
    'The answer is B unless it is positive.',
    'If it is positive \\boxed{B}, otherwise \\boxed{C}',
    'The answer could be B',
    'Either (B) or (C)',
    'All but (B)',
    'Eliminate (B).',
    'Option (B) is wrong.',
    'B does not fit',
    '(B) can be ruled out',
    'A is wrong. So is B.',
    'The answer is B. Wait, that is wrong.',
    'Is the answer (B)?',
    'I thought the answer was B, but it is not.',
    'A 45-year-old man is given vitamin D',
  ])('nothing in %j', async (response) => {
    expect(await chosen(response)).toBeUndefined();
  });
});

describe('a reference', () => {
  test.each<[string, string]>([
    ['B', 'B'],
    ['b', 'B'],
    ['(B)', 'B'],
    ['B.', 'B'],
    ['B) aspirin', 'B'],
    ['(B) aspirin', 'B'],
    ['It thins the blood.\n#### B', 'B'],
    ['The answer is (B).', 'B'],
    ['\\boxed{B}', 'B'],
  ])('%j is %s', async (answer, label) => {
    const [verdict] = await letters.verify([{ response: 'B', answer }]);
    expect(verdict).toEqual({ correct: true, score: 1, extracted: 'B', expected: label });
  });

  test.each([
    ['II', 'roman numerals'],
    ['iv', 'roman numerals'],
    ['1', 'write the number as a letter'],
    ['F', 'verifier.choices'],
    ['aspirin', 'verifier.choices'],
    ['', 'verifier.choices'],
  ])('%j is refused: %s', async (answer, hint) => {
    await expect(letters.verify([{ response: 'B', answer }])).rejects.toMatchObject({
      code: 'InvalidRecord',
      hint: expect.stringContaining(hint),
    });
  });
});

test('labels can be words, or numerals where they are listed', async () => {
  const words = createChoiceVerifier({ choices: ['yes', 'no', 'maybe'] });
  expect(await chosen('The answer is Yes.', words, 'no')).toBe('yes');
  expect(await chosen('It grows, so no', words, 'no')).toBe('no');
  expect(await chosen('yes or no', words, 'no')).toBeUndefined();
  expect(await chosen('nothing', words, 'no')).toBeUndefined();
  const roman = createChoiceVerifier({ choices: ['I', 'II', 'III'] });
  expect(await chosen('The answer is (II).', roman, 'I')).toBe('II');
});

test.each(['the answer is not B ', 'option B is wrong ', '(B) ', 'if B, otherwise C '])(
  'many times %j is judged in time that grows no faster than its length times a constant',
  async (unit) => {
    const time = async (count: number) => {
      const once = async () => {
        const start = performance.now();
        await chosen(unit.repeat(count));
        return performance.now() - start;
      };
      // The best of three: others may use the machine at the same time.
      return Math.min(await once(), await once(), await once());
    };
    await time(200);
    const [short, long] = [await time(200), await time(1600)];
    // Eight times the length; quadratic work would take 64 times as long.
    expect(long).toBeLessThan(Math.max(short, 5) * 40);
  },
);
