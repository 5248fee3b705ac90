import { expect, test } from 'vitest';
import { tallyCriticality } from './criticality.ts';
import type { AnnotationRecord } from './records.ts';

const alternative = (rank: 2 | 3, outcome: 'correct' | 'wrong' | 'skipped', margin: number | null = 1) => ({
  rank,
  id: 1,
  text: 'x',
  probability: 0.1,
  outcome,
  extracted: null,
  finish: null,
  margin,
  length: null,
});

/** Tokens as [text, entropy, strict-2, strict-3]. */
function record(tokens: readonly (readonly [string, number, 0 | 1, 0 | 1])[]): AnnotationRecord {
  return {
    id: 'q',
    question: 'q',
    prompt: 'q',
    answer: '1',
    response: '',
    promptIds: [1],
    responseIds: tokens.map(() => 1),
    masks: { 'strict-2': tokens.map(([, , two]) => two), 'strict-3': tokens.map(([, , , three]) => three) },
    tokens: tokens.map(([text, entropy, two, three]) => ({
      id: 1,
      text,
      probability: 0.5,
      entropy,
      alternatives: [
        alternative(2, two === 1 ? 'wrong' : 'correct', text === 'tie' ? 1e-5 : 1),
        alternative(3, two === 0 ? 'skipped' : three === 1 ? 'wrong' : 'correct'),
      ],
    })),
  };
}

const sample = [
  record([
    ['so', 0.8, 0, 0],
    ['4', 0.1, 1, 1],
    ['4', 0.2, 1, 0],
    ['tie', 0.4, 0, 0],
  ]),
  record([['4', 0.3, 1, 1]]),
];

test('counts, shares, places and entropies are those of the tokens', () => {
  const tally = tallyCriticality('strict-3');
  for (const one of sample) tally.add(one);
  const result = tally.result();
  expect(result).toMatchObject({ responses: 2, tokens: 5, strict2: 3, strict3: 2, distinctTexts: 1, nearTies: 1 });
  expect(result?.ratios).toEqual({ 'strict-2': [0.5, 1], 'strict-3': [0.25, 1] });
  expect(result?.texts).toEqual([{ text: '4', tokens: 3, strict2: 3, strict3: 2 }]);
  expect(result?.entropy.critical).toBeCloseTo(0.2, 12);
  expect(result?.entropy.other).toBeCloseTo((0.8 + 0.2 + 0.4) / 3, 12);
  expect(result?.rollouts).toEqual({ correct: 3, wrong: 5, skipped: 2 });
  expect(result?.positions[0]).toEqual({ tokens: 2, strict2: 1, strict3: 1 });
  expect(result?.positions[5]).toEqual({ tokens: 1, strict2: 1, strict3: 1 });
  expect(result?.positions.reduce((sum, { tokens }) => sum + tokens, 0)).toBe(5);
});

test('under strict-2 the second choice alone decides', () => {
  const tally = tallyCriticality('strict-2');
  for (const one of sample) tally.add(one);
  expect(tally.result()?.entropy.critical).toBeCloseTo(0.2, 12);
  expect(tally.result()?.entropy.other).toBeCloseTo(0.6, 12);
});

test('nothing annotated, nothing told', () => {
  expect(tallyCriticality('strict-3').result()).toBeUndefined();
});
