import { expect, test } from 'vitest';
import type { Criticality, ReportData, Trial } from './data.ts';
import { EMPTY_REPORT } from './testing.ts';
import { warningsOf } from './warnings.ts';

const FACTS: Omit<ReportData, 'warnings'> = EMPTY_REPORT;

const CRITICALITY: Criticality = {
  tokens: 1000,
  strict2: 300,
  strict3: 200,
  responses: 500,
  ratios: { 'strict-2': [], 'strict-3': [] },
  positions: [],
  texts: [],
  distinctTexts: 0,
  entropy: { all: 0.4, critical: 0.1, other: 0.5 },
  rollouts: { correct: 1000, wrong: 500, skipped: 0 },
  nearTies: 0,
};

const TRIAL: Trial = {
  name: 'cft-lr1e-4-s0',
  variant: 'cft',
  objective: 'critical',
  method: 'full',
  learningRate: 1e-4,
  seed: 0,
  chosen: false,
  finished: true,
  log: [],
  steps: 100,
  bestStep: 50,
  validationAccuracy: 0.5,
  validationLoss: 0.5,
  validationEntropy: 0.4,
  tokensTrained: 1000,
  skippedSteps: 0,
};

const reasons = (facts: Partial<typeof FACTS>, said: Parameters<typeof warningsOf>[1] = []) =>
  warningsOf({ ...FACTS, ...facts }, said).map(({ reason }) => reason);
const rates = (chosen: number) =>
  [1e-5, 1e-4, 1e-3].map((learningRate) => ({ ...TRIAL, learningRate, chosen: learningRate === chosen }));

test('a run like any other has nothing to warn of', () => {
  expect(reasons({ criticality: CRITICALITY, trials: rates(1e-4) })).toEqual([]);
});

test('few critical tokens: suggests strict-2 with what it would give', () => {
  const [warning] = warningsOf({ ...FACTS, criticality: { ...CRITICALITY, strict3: 40 } }, []);
  expect(warning?.reason).toBe('CriticalRatioLow');
  expect(warning?.advice).toMatch(/strict-2, under which 30\.0.% are/);
  const strict2 = { ...FACTS, run: { ...FACTS.run, criterion: 'strict-2' as const } };
  const [other] = warningsOf({ ...strict2, criticality: { ...CRITICALITY, strict2: 40, strict3: 10 } }, []);
  expect(other?.advice).not.toContain('strict-2');
});

test('what is noticed in the annotations and the responses', () => {
  expect(reasons({ criticality: { ...CRITICALITY, strict3: 700, strict2: 800 } })).toEqual(['CriticalRatioHigh']);
  expect(reasons({ criticality: { ...CRITICALITY, responses: 20 } })).toEqual(['FewResponses']);
  expect(reasons({ criticality: { ...CRITICALITY, nearTies: 100 } })).toEqual(['NearTies']);
  expect(reasons({ run: { ...FACTS.run, generated: { questions: 100, correct: 50, cut: 30 } } })).toEqual([
    'ResponsesCutOff',
  ]);
});

test('what is noticed in the training', () => {
  expect(reasons({ trials: rates(1e-5) })).toEqual(['SweepEdge']);
  expect(reasons({ trials: rates(1e-3) })).toEqual(['SweepEdge']);
  expect(reasons({ trials: [{ ...TRIAL, chosen: true }] })).toEqual([]);
  expect(reasons({ trials: [{ ...TRIAL, skippedSteps: 3 }] })).toEqual(['EmptyBatches']);
  expect(reasons({ trials: [{ ...TRIAL, chosen: true, bestStep: 0 }] })).toEqual(['NoImprovement']);
});

test('seeds that disagree on the best rate do not point beyond the range', () => {
  const second = rates(1e-3).map((trial) => ({ ...trial, seed: 1 }));
  expect(reasons({ trials: [...rates(1e-5), ...second] })).toEqual([]);
});

test('what is noticed in the results', () => {
  const row = { count: 1000, accuracy: 0.5, low: 0.47, high: 0.53, passAt: [], trials: [] };
  const entropy = (all: number) => ({ all, critical: undefined, other: undefined });
  const rows = [
    { ...row, variant: 'base', entropy: entropy(0.4) },
    { ...row, variant: 'cft', entropy: entropy(0.1) },
  ];
  const worse = {
    first: 'base',
    second: 'cft',
    difference: -0.05,
    low: -0.08,
    high: -0.02,
    paired: undefined,
    distinct: true,
  };
  const dataset = { dataset: 'held-out', rows, comparisons: [worse] };
  expect(reasons({ results: [dataset] })).toEqual(['AccuracyFell', 'EntropyCollapsed']);
  const few = rows.map((one) => ({ ...one, entropy: entropy(0.4), low: 0.3, high: 0.7 }));
  expect(reasons({ results: [{ ...dataset, rows: few, comparisons: [] }] })).toEqual(['FewQuestions']);
});

test('what stages said is told once, with the stages, and not beside the same finding of the report', () => {
  const said = (stage: string, message: string, kind = 'train') => ({ stage, kind, reason: 'StageWarning', message });
  const overlap = '3 annotated responses answer questions of the validation split';
  const warnings = warningsOf(FACTS, [said('train-a', overlap), said('train-b', overlap)]);
  expect(warnings).toEqual([{ reason: 'StageWarning', message: `train-a and train-b: ${overlap}`, advice: undefined }]);
  const low = { criticality: { ...CRITICALITY, strict3: 40 } };
  const shard = said('annotate-00000', 'only 4.0 % of the tokens are critical under strict-3', 'annotate');
  expect(reasons(low, [shard])).toEqual(['CriticalRatioLow']);
});
