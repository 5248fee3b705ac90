import { expect, test } from 'vitest';
import { METRICS, type MetricDefinition } from './definitions.ts';

const entries: [string, MetricDefinition][] = Object.entries(METRICS);

// What `promtool check metrics` asks of names and help texts, for every metric, whether a test happens to export it or not.
test.each(entries)('%s follows the naming rules of Prometheus', (name, { type, help, labels, buckets }) => {
  expect(name).toMatch(/^cft(_[a-z]+)+$/);
  expect(name.endsWith('_total')).toBe(type === 'counter');
  expect(name).not.toMatch(/_(counter|gauge|histogram|ms|milliseconds|minutes|percent|bucket|count|sum)(_|$)/);
  expect(help).toMatch(/^[A-Z].*\.$/);
  for (const label of labels) expect(label).toMatch(/^[a-z]+$/);
  expect(labels).not.toContain('le');
  if (buckets !== undefined) expect([...buckets]).toEqual([...buckets].sort((a, b) => a - b));
});

test('the names that dashboards and alerts build on exist', () => {
  expect(Object.keys(METRICS)).toEqual(
    expect.arrayContaining([
      'cft_eval_accuracy_ratio',
      'cft_token_entropy_nats',
      'cft_train_loss_nats',
      'cft_train_tokens_total',
      'cft_train_learning_rate',
      'cft_annotate_critical_ratio',
      'cft_annotate_rollouts_total',
      'cft_stage_progress_ratio',
      'cft_run_info',
    ]),
  );
});
