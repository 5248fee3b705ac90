import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createChoiceVerifier } from './choice.ts';
import { createExactVerifier } from './exact.ts';
import { createMathVerifier } from './math.ts';
import { createRegexVerifier } from './regex.ts';
import type { Verifier } from './verifier.ts';

const pieces = fc.constantFrom(
  ...[
    '#### 4',
    '#### 42',
    '\n',
    '\\boxed{',
    '}',
    '{',
    '4',
    'B',
    '####',
    ' ',
    'x',
    '\\',
    'the answer is ',
    '7',
    '#',
    '(A)',
    'Σ',
    'σ',
    '\u0301',
    'e',
    '.',
  ],
);
const texts = fc.array(pieces, { maxLength: 8 }).map((parts) => parts.join(''));

const choices = ['A', 'B'];
const verifiers: [string, Verifier, string[]][] = [
  ['math', createMathVerifier(), ['42', '4']],
  ['math, first', createMathVerifier({ statement: 'first' }), ['42', '4']],
  ['choice', createChoiceVerifier({ choices }), ['A', 'B']],
  ['choice, first', createChoiceVerifier({ choices, statement: 'first' }), ['A', 'B']],
  ['exact', createExactVerifier({ ignoreCase: false }), ['42', 'e\u0301x', 'x B']],
  ['exact, ignoring case', createExactVerifier({ ignoreCase: true }), ['ΣΣ', 'xΣ.x', 'É']],
  ['regex', createRegexVerifier({ pattern: '4', flags: '', group: 0 }), ['4']],
];

describe.each(verifiers)('%s', (_, verifier, answers) => {
  test('a final verdict stays, whatever follows', async () => {
    await fc.assert(
      fc.asyncProperty(texts, texts, fc.constantFrom(...answers), async (prefix, rest, answer) => {
        if (verifier.isFinal?.(prefix, answer) !== true) return;
        const found = await verifier.verify([
          { response: prefix, answer },
          { response: prefix + rest, answer },
        ]);
        expect(found[1]?.correct).toBe(found[0]?.correct);
        expect(verifier.isFinal?.(prefix + rest, answer)).toBe(true);
      }),
      { numRuns: 3000 },
    );
  });
});

test('what is final', () => {
  const first = createMathVerifier({ statement: 'first' });
  expect(first.isFinal?.('so #### 42', '42')).toBe(false);
  expect(first.isFinal?.('so #### 42\n', '42')).toBe(true);
  expect(first.isFinal?.('\\boxed{4', '42')).toBe(false);
  expect(first.isFinal?.('\\boxed{4}', '42')).toBe(true);
  expect(first.isFinal?.('#### Step one\n', '42')).toBe(false);
  expect(createMathVerifier().isFinal).toBeUndefined();
  const exact = createExactVerifier({ ignoreCase: true });
  expect(exact.isFinal?.('Pa', 'paris')).toBe(false);
  expect(exact.isFinal?.('Lon', 'paris')).toBe(true);
  expect(exact.isFinal?.('paris and', 'paris')).toBe(true);
});

test('with the first marked answer counting, later ones do not', async () => {
  const first = createMathVerifier({ statement: 'first' });
  const responses = ['#### 42\n#### 7', '\\boxed{42} or \\boxed{7}', 'It is 42'];
  const found = await first.verify(responses.map((response) => ({ response, answer: '42' })));
  expect(found.map(({ correct }) => correct)).toEqual([true, true, true]);
});

test('partial credit is the share of right parts, and correct from the threshold on', async () => {
  const lenient = createMathVerifier({ threshold: 0.6 });
  const found = await lenient.verify([
    { response: '\\boxed{1, 2, 4}', answer: '1, 2, 3' },
    { response: '\\boxed{1, 5, 4}', answer: '1, 2, 3' },
    { response: '\\boxed{(1, 2)}', answer: '(1, 2)' },
    { response: '\\boxed{1, 2}', answer: '1, 2, 3' },
  ]);
  expect(found.map(({ score, correct }) => [Math.round(score * 100), correct])).toEqual([
    [67, true],
    [33, false],
    [100, true],
    [0, false],
  ]);
});
