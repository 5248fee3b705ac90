import { expect, test } from 'vitest';
import { cosineWithWarmup, warmupSteps } from './schedule.ts';

// transformers.get_cosine_schedule_with_warmup(AdamW(lr=1e-3), num_warmup_steps=3, num_training_steps=10), the rate before each step
const REFERENCE = [
  0, 0.0003333333333333333, 0.0006666666666666666, 0.001, 0.0009504844339512095, 0.0008117449009293668,
  0.0006112604669781572, 0.0003887395330218429, 0.00018825509907063325, 4.951556604879048e-5,
];

test('the rates are those of transformers', () => {
  const rates = REFERENCE.map((_, step) => cosineWithWarmup(step, 10, 3, 1e-3));
  for (const [step, rate] of rates.entries()) expect(rate).toBeCloseTo(REFERENCE[step] ?? Number.NaN, 15);
});

test('without warm-up the first step has the whole rate; a training that is all warm-up never falls', () => {
  expect(cosineWithWarmup(0, 10, 0, 1e-3)).toBe(1e-3);
  expect(cosineWithWarmup(9, 10, 10, 1e-3)).toBeCloseTo(9e-4, 12);
});

test('warm-up steps round up', () => {
  expect([warmupSteps(10, 0.05), warmupSteps(100, 0.05), warmupSteps(10, 0)]).toEqual([1, 5, 0]);
});
