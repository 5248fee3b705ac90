import { describe, expect, test } from 'vitest';
import { createRandom } from '../../trainer/random.ts';
import { evaluateChain, evaluateExpression, parseQuestion, splitExpression } from './chain.ts';
import { formatDecimal } from './decimal.ts';
import { wordAnswer } from './wording.ts';

const chain = parseQuestion('a = 48/2, b = 48+a, c = (a+b)*0.5. What is c?') ?? [];
const results = evaluateChain(chain) ?? [];
const random = createRandom(1);
const answers = Array.from({ length: 500 }, () => wordAnswer(chain, results, random));

describe('wordAnswer', () => {
  test('states every step with the results put in, in order, and ends in the marker', () => {
    for (const answer of answers) {
      const worked = [...answer.matchAll(/([\d.+\-*/()]+) = (\d+(?:\.\d+)?)/g)].map(([text]) => text);
      expect(worked).toEqual(['48/2 = 24', '48+24 = 72', '(24+72)*0.5 = 48']);
      expect(answer).toMatch(/ #### 48$/);
    }
  });

  test('every equation that it states is true', () => {
    for (const [, expression = '', result] of answers.join('\n').matchAll(/([\d.+\-*/()]+) = (\d+(?:\.\d+)?)/g)) {
      const value = evaluateExpression(splitExpression(expression) ?? [], () => undefined);
      expect(value && formatDecimal(value)).toBe(result);
    }
  });

  test('hardly ever words two answers alike', () => {
    expect(new Set(answers).size).toBeGreaterThan(490);
  });

  test('is clean text: single spaces, no choice left open', () => {
    for (const answer of answers) expect(answer).toMatch(/^[A-Z](?!.*( {2}|[[\]{}|]| [,.;]))/);
  });

  test('is the same for the same seed', () => {
    const again = createRandom(1);
    expect(answers.slice(0, 20).map(() => wordAnswer(chain, results, again))).toEqual(answers.slice(0, 20));
  });
});
