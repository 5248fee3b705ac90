import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  evaluateChain,
  evaluateExpression,
  formatQuestion,
  parseQuestion,
  splitExpression,
  substitute,
} from './chain.ts';
import { formatDecimal } from './decimal.ts';

function valueIn(expression: string): string | undefined {
  const value = evaluateExpression(splitExpression(expression) ?? [], () => undefined);
  return value && formatDecimal(value);
}

/** A sum, product or parenthesis of small numbers, as text. */
const expression = fc.letrec<{ node: string }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 4 },
    fc.nat({ max: 99 }).map(String),
    fc.tuple(tie('node'), fc.constantFrom('+', '-', '*'), tie('node')).map((parts) => parts.join('')),
    tie('node').map((inner) => `(${inner})`),
  ),
})).node;

describe('evaluateExpression', () => {
  test('gives what JavaScript gives, where its numbers are exact', () => {
    fc.assert(
      fc.property(expression, (text) => {
        const expected: unknown = new Function(`return ${text}`)();
        fc.pre(Number.isSafeInteger(expected));
        expect(valueIn(text)).toBe(String(expected === 0 ? 0 : expected));
      }),
    );
  });

  test('is exact where JavaScript is not', () => {
    expect(valueIn('0.1+0.2')).toBe('0.3');
    expect(valueIn('300*0.07')).toBe('21');
    expect(valueIn('1/3*3')).toBe('1');
  });

  test.each(['', '1+', '(1+2', '1 2', '1/0', 'a+1', '-1', '1)'])('%j has no value', (text) => {
    expect(valueIn(text)).toBeUndefined();
  });
});

describe('a chain', () => {
  const question = 'a = 48/2, b = 48+a, c = (a+b)*0.5. What is c?';

  test('is read from its question and written back', () => {
    const chain = parseQuestion(question) ?? [];
    expect(chain.map(({ symbols }) => symbols)).toEqual([
      ['48', '/', '2'],
      ['48', '+', 'a'],
      ['(', 'a', '+', 'b', ')', '*', '0.5'],
    ]);
    expect(formatQuestion(chain)).toBe(question);
  });

  test('is evaluated step by step', () => {
    const chain = parseQuestion(question) ?? [];
    expect(evaluateChain(chain)).toEqual(['24', '72', '48']);
    const known = new Map([
      ['a', '24'],
      ['b', '72'],
    ]);
    expect(chain.map((step) => substitute(step, known))).toEqual(['48/2', '48+24', '(24+72)*0.5']);
  });

  test.each([
    ['a = 3-5. What is a?', 'negative'],
    ['a = 1/3. What is a?', 'not a decimal'],
    ['a = 100*10. What is a?', 'too large'],
    ['a = b+1, b = 2*2. What is b?', 'used before it is known'],
  ])('%s has no results: %s', (text) => {
    expect(evaluateChain(parseQuestion(text) ?? [])).toBeUndefined();
  });

  test.each(['What is 2+2?', 'a = 2+x2. What is a?', 'a = 2+2. What is b?'])('%j is no such question', (text) => {
    const chain = parseQuestion(text);
    expect(chain && evaluateChain(chain)).toBeUndefined();
  });
});
