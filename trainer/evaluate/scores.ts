import type { GreedyRecord, SamplesRecord } from './record.ts';
import { mean, passAtK, wilsonInterval } from './statistics.ts';

/** One model's results on one data set. */
export interface Scores {
  readonly greedy: readonly GreedyRecord[];
  readonly samples: readonly SamplesRecord[];
}

/**
 * Metrics of a data set: accuracy with its 95 % Wilson interval, mean token entropy in nats of the greedy responses, sampled
 * accuracy, unbiased pass@k. With several seeds each is the mean over them; the interval is that of the mean accuracy over the
 * questions, which says nothing of how much seeds differ.
 */
export function scoreMetrics(seeds: readonly Scores[], ks: readonly number[]): Record<string, number> {
  const count = seeds[0]?.greedy.length ?? 0;
  const accuracy = mean(seeds.map(({ greedy }) => mean(greedy.map(({ correct }) => Number(correct)))));
  const { low, high } = wilsonInterval(accuracy * count, count);
  const metrics: Record<string, number> = {
    accuracy,
    accuracyLow: low,
    accuracyHigh: high,
    count,
    entropy: mean(seeds.map(({ greedy }) => tokenEntropy(greedy))),
  };
  if (seeds.every(({ samples }) => samples.length > 0)) {
    metrics.sampledAccuracy = mean(seeds.map(({ samples }) => passAt(samples, 1)));
    for (const k of ks) metrics[`passAt${k}`] = mean(seeds.map(({ samples }) => passAt(samples, k)));
  }
  return metrics;
}

/** Mean over all tokens, so that a long response counts for more. */
function tokenEntropy(greedy: readonly GreedyRecord[]): number {
  const tokens = greedy.reduce((sum, record) => sum + record.tokens, 0);
  return greedy.reduce((sum, record) => sum + record.entropy * record.tokens, 0) / tokens;
}

function passAt(records: readonly SamplesRecord[], k: number): number {
  return mean(
    records.map(({ samples }) => passAtK(samples.length, samples.filter(({ correct }) => correct).length, k)),
  );
}
