import { describe, expect, test } from 'vitest';
import { compareVariants } from './comparisons.ts';
import type { ReportData, ResultRow, Trial } from './data.ts';
import { entropyFinding, findings, headline } from './findings.ts';
import type { Scores } from './statistics.ts';
import { EMPTY_REPORT } from './testing.ts';

const plain = (text: string) => text.replace(/[\u202f\u00a0]/g, ' ');

function trial(variant: string, objective: Trial['objective'], tokensTrained: number): Trial {
  return {
    name: `${variant}-lr1e-4-s0`,
    variant,
    objective,
    method: 'full',
    learningRate: 1e-4,
    seed: 0,
    chosen: true,
    finished: true,
    log: [],
    steps: 10,
    bestStep: 10,
    validationAccuracy: 0.5,
    validationLoss: 0.5,
    validationEntropy: 0.4,
    tokensTrained,
    skippedSteps: 0,
  };
}

const TRIALS = { sft: trial('sft', 'all', 1000), cft: trial('cft', 'critical', 240) };

function row(variant: string, accuracy: number, entropy: number): ResultRow {
  const own = variant === 'sft' || variant === 'cft' ? [TRIALS[variant]] : [];
  const margin = 0.03;
  return {
    variant,
    count: 1000,
    accuracy,
    low: accuracy - margin,
    high: accuracy + margin,
    passAt: [],
    entropy: { all: entropy, critical: undefined, other: undefined },
    trials: own,
  };
}

/** Right on the questions from `from` to `to` of a thousand. */
const right = (from: number, to: number): Scores =>
  new Map(Array.from({ length: 1000 }, (_, i) => [`q${i}`, i >= from && i < to ? 1 : 0]));

function data(scores: ReadonlyMap<string, Scores>, accuracies: [number, number, number]): ReportData {
  const [base, sft, cft] = accuracies;
  const rows = [row('base', base, 0.4), row('sft', sft, 0.3), row('cft', cft, 0.38)];
  return {
    ...EMPTY_REPORT,
    results: [{ dataset: 'held-out', rows, comparisons: compareVariants(rows, scores) }],
    trials: [TRIALS.sft, TRIALS.cft],
  };
}

const resultsOf = (report: ReportData) => report.results[0] ?? { dataset: '', rows: [], comparisons: [] };

describe('a difference that the questions show', () => {
  const report = data(
    new Map([
      ['base', right(0, 550)],
      ['sft', right(20, 570)],
      ['cft', right(10, 620)],
    ]),
    [0.55, 0.55, 0.61],
  );

  test('is told with its interval, its counts and its p-value', () => {
    const [, cft] = findings(resultsOf(report));
    expect(cft).toMatchObject({ title: 'cft against base', distinct: true });
    expect(plain(cft?.text ?? '')).toMatch(/^\+6\.0 points, 95 % interval \+4\.\d to \+7\.\d\.$/);
    expect(plain(cft?.evidence ?? '')).toBe(
      '70 questions right with cft only, 10 with base only; McNemar’s exact test, p < 0.001.',
    );
  });

  test('leads the page, with the share of tokens that it took', () => {
    expect(plain(headline(report))).toBe(
      'On held-out (1,000 questions), cft answers 61.0 % correctly, 6.0 points more than the base model. It was trained on 24 % as many tokens as sft, which answers 55.0 %.',
    );
  });
});

describe('a difference inside the noise', () => {
  const report = data(
    new Map([
      ['base', right(0, 550)],
      ['sft', right(20, 570)],
      ['cft', right(30, 590)],
    ]),
    [0.55, 0.55, 0.56],
  );

  test('is called noise, in the findings and in the headline', () => {
    const [sft, cft, against] = findings(resultsOf(report));
    for (const finding of [sft, cft, against]) {
      expect(finding?.distinct).toBe(false);
      expect(finding?.text).toMatch(/^Within noise: .* The data do not tell the two apart\.$/);
    }
    expect(plain(headline(report))).toContain('which is within noise of the base model’s 55.0 %');
    expect(plain(headline(report))).toContain('which answers 55.0 %, a difference within noise.');
  });
});

test('a loss is told as one', () => {
  const report = data(
    new Map([
      ['base', right(0, 600)],
      ['sft', right(0, 600)],
      ['cft', right(0, 500)],
    ]),
    [0.6, 0.6, 0.5],
  );
  expect(plain(headline(report))).toContain('10.0 points fewer than the base model');
  expect(plain(findings(resultsOf(report))[1]?.text ?? '')).toMatch(/^−10\.0 points/);
});

test('equal answers are told as such', () => {
  const same = right(0, 550);
  const report = data(
    new Map([
      ['base', same],
      ['cft', same],
    ]),
    [0.55, 0.5, 0.55],
  );
  expect(headline(report)).toContain('correctly, as many as the base model.');
  expect(findings(resultsOf(report))[1]?.evidence).toBe('Both got the same questions right.');
});

test('without the single answers the intervals decide, and the finding says so', () => {
  const [sft, cft] = findings(resultsOf(data(new Map(), [0.5, 0.52, 0.6])));
  expect([sft?.distinct, cft?.distinct]).toEqual([false, true]);
  expect(cft?.evidence).toContain('two independent samples');
});

test('the mean over seeds is compared question by question', () => {
  const half = new Map([...right(0, 620)].map(([id, score], i) => [id, i < 40 ? score / 2 : score]));
  const [, cft] = findings(
    resultsOf(
      data(
        new Map([
          ['base', right(0, 550)],
          ['cft', half],
        ]),
        [0.55, 0.55, 0.6],
      ),
    ),
  );
  expect(cft?.evidence).toContain('mean of the seeds');
  expect(plain(cft?.text ?? '')).toMatch(/^\+5\.0 points/);
});

test('entropy is told against the base model', () => {
  expect(plain(entropyFinding(resultsOf(data(new Map(), [0.5, 0.5, 0.5]))) ?? '')).toBe(
    'Base 0.400 nats; sft 0.300 (−25 %) and cft 0.380 (−5 %).',
  );
});
