import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { AnnotatedResponse, Objective } from './objective.ts';
import { tokenWeights } from './objective.ts';
import { type AnnotationRecord, weightedSequence } from './weighted-sequence.ts';

const OBJECTIVES: readonly Objective[] = ['critical', 'all', 'number', 'random'];
const options = { criterion: 'strict-3', seed: 7 };

const records: fc.Arbitrary<AnnotationRecord> = fc
  .record({
    id: fc.string(),
    promptIds: fc.array(fc.nat(50), { maxLength: 8 }),
    tokens: fc.array(
      fc.record({
        id: fc.nat(50),
        text: fc.constantFrom('12', ' is', '=', ' 7', '', '<|end|>', '٣'),
        critical: fc.nat(1),
      }),
    ),
  })
  .map(({ id, promptIds, tokens }) => ({
    id,
    promptIds,
    responseIds: tokens.map((token) => token.id),
    tokens,
    masks: { 'strict-3': tokens.map((token) => token.critical) },
  }));

const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
const count = (objective: Objective, record: AnnotatedResponse) => sum(tokenWeights(objective, record, options));

const example: AnnotationRecord = {
  id: 'q1',
  promptIds: [3, 4],
  responseIds: [10, 11, 12, 13, 1],
  tokens: ['so', ' 4', '*', '2=8', '<eos>'].map((text) => ({ text })),
  masks: { 'strict-2': [0, 1, 1, 1, 0], 'strict-3': [0, 1, 0, 1, 0] },
};

test('each objective trains the tokens that it names', () => {
  expect(tokenWeights('critical', example, options)).toEqual([0, 1, 0, 1, 0]);
  expect(tokenWeights('critical', example, { ...options, criterion: 'strict-2' })).toEqual([0, 1, 1, 1, 0]);
  expect(tokenWeights('all', example, options)).toEqual([1, 1, 1, 1, 1]);
  expect(tokenWeights('number', example, options)).toEqual([0, 1, 0, 1, 0]);
});

test('weights are 0 or 1, one per token, and never fall on the prompt', () => {
  fc.assert(
    fc.property(records, fc.constantFrom(...OBJECTIVES), (record, objective) => {
      const { ids, weights, promptLength } = weightedSequence(objective, record, options);
      expect(ids).toEqual([...record.promptIds, ...record.responseIds]);
      expect(weights).toHaveLength(ids.length);
      expect(weights.every((weight) => weight === 0 || weight === 1)).toBe(true);
      expect(sum(weights.slice(0, Math.max(1, promptLength)))).toBe(0);
    }),
  );
});

describe('random', () => {
  test('has exactly as many tokens as are critical in each response', () => {
    fc.assert(
      fc.property(records, (record) => {
        expect(count('random', record)).toBe(count('critical', record));
      }),
    );
  });

  test('is the same draw each time, and another with another seed or id', () => {
    const long = {
      ...example,
      responseIds: Array(64).fill(1),
      tokens: [],
      masks: { 'strict-3': Array.from({ length: 64 }, (_, i) => i % 2) },
    };
    const draw = tokenWeights('random', long, options);
    expect(tokenWeights('random', long, options)).toEqual(draw);
    expect(tokenWeights('random', long, { ...options, seed: 8 })).not.toEqual(draw);
    expect(tokenWeights('random', { ...long, id: 'q2' }, options)).not.toEqual(draw);
  });

  test('favours no place in the response', () => {
    const hits = [0, 0, 0, 0, 0];
    for (let draw = 0; draw < 5000; draw++)
      for (const [place, weight] of tokenWeights('random', { ...example, id: `q${draw}` }, options).entries())
        hits[place] = (hits[place] ?? 0) + weight;
    for (const hit of hits) expect(Math.abs(hit / 5000 - 0.4)).toBeLessThan(0.03);
  });
});

test('a criterion that was not annotated and a mask of the wrong length name the response', () => {
  expect(() => tokenWeights('critical', example, { ...options, criterion: 'strict-9' })).toThrow(
    expect.objectContaining({
      code: 'InvalidRecord',
      where: 'annotation q1',
      hint: expect.stringContaining('strict-2, strict-3'),
    }),
  );
  const short = { ...example, masks: { 'strict-3': [1] } };
  expect(() => tokenWeights('random', short, options)).toThrow(expect.objectContaining({ code: 'InvalidRecord' }));
});
