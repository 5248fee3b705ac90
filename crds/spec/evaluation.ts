import { z } from 'zod';
import { EvaluationDataset } from './data.ts';
import { between, count, listByKey, setOf } from './fields.ts';
import { type Rule, withRules } from './rule.ts';

const evaluationShape = {
  datasets: listByKey(EvaluationDataset, 'name', 16).min(1).describe('Data sets to evaluate on.'),
  samples: count(0, 1024).default(8).describe('Responses sampled per question for pass@k. 0: greedy accuracy only.'),
  temperature: between(0.01, 10).default(1).describe('Temperature of the sampled responses.'),
  k: setOf(count(1, 1024), 16)
    .optional()
    .describe('The k of the unbiased pass@k estimates, each at most `samples`. Default: 1 and `samples`.'),
  seed: count(0).default(0).describe('Seed of the sampled responses.'),
  maxNewTokens: count(1, 131_072).optional().describe('Longest response in tokens. Default: generate.maxNewTokens.'),
  batchSize: count(1, 4096).default(64).describe('Responses decoded at the same time.'),
  maxSamples: count().optional().describe('Evaluate on the first so many examples of each data set.'),
};

const evaluationRules: readonly Rule<{ samples: number; k?: number[] | undefined }>[] = [
  {
    cel: '!has(self.k) || self.k.all(k, k <= self.samples)',
    message: 'each k must be at most samples',
    field: 'k',
    reads: ['samples', 'k'],
    test: (self) => self.k === undefined || self.k.every((k) => k <= self.samples),
  },
];

export const EvaluationSpec = withRules(z.strictObject(evaluationShape), evaluationRules)
  .transform((evaluation) => ({ ...evaluation, k: evaluation.k ?? defaultK(evaluation.samples) }))
  .describe('Evaluation of the base model and of the best trial of each variant.');

export type EvaluationSpec = z.output<typeof EvaluationSpec>;

function defaultK(samples: number): number[] {
  return samples === 0 ? [] : [...new Set([1, samples])];
}
