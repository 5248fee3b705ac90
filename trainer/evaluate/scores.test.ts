import { expect, test } from 'vitest';
import { scoreMetrics } from './scores.ts';

const greedy = (id: string, correct: boolean, tokens: number, entropy: number) => ({
  id,
  dataset: 'test',
  correct,
  extracted: null,
  expected: '1',
  response: '',
  finish: 'eos' as const,
  tokens,
  entropy,
});
const samples = (id: string, ...outcomes: boolean[]) => ({
  id,
  dataset: 'test',
  samples: outcomes.map((correct) => ({ correct, extracted: null })),
});

test('accuracy counts questions, entropy counts tokens, pass@k is unbiased', () => {
  const scores = {
    greedy: [greedy('a', true, 1, 4), greedy('b', false, 3, 0)],
    samples: [samples('a', true, true), samples('b', false, true)],
  };
  const metrics = scoreMetrics([scores], [1, 2]);
  expect(metrics).toMatchObject({
    accuracy: 0.5,
    count: 2,
    entropy: 1,
    sampledAccuracy: 0.75,
    passAt1: 0.75,
    passAt2: 1,
  });
  expect(metrics.accuracyLow).toBeLessThan(0.5);
  expect(metrics.accuracyHigh).toBeGreaterThan(0.5);
});

test('seeds are averaged, and the interval is that of the questions, not of questions times seeds', () => {
  const one = { greedy: [greedy('a', true, 1, 0), greedy('b', true, 1, 0)], samples: [] };
  const two = { greedy: [greedy('a', false, 1, 1), greedy('b', false, 1, 1)], samples: [] };
  const metrics = scoreMetrics([one, two], [1]);
  expect(metrics).toMatchObject({ accuracy: 0.5, entropy: 0.5, count: 2 });
  expect(metrics.accuracyHigh).toBe(
    scoreMetrics([{ greedy: [greedy('a', true, 1, 0), greedy('b', false, 1, 0)], samples: [] }], []).accuracyHigh,
  );
  expect(metrics).not.toHaveProperty('passAt1');
});
