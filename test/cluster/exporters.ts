import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createMetrics } from '../../operator/metrics/metrics.ts';
import { addRunMetrics, type RunObject } from '../../operator/metrics/run-metrics.ts';
import { METRICS, type MetricDefinition, type MetricName } from '../../trainer/metrics/definitions.ts';
import { createRegistry, type MetricRegistry } from '../../trainer/metrics/registry.ts';

/** Values of the labels of a stage's metrics. */
const LABELS: Readonly<Record<string, readonly string[]>> = {
  run: ['itself'],
  stage: ['itself'],
  kind: ['itself'],
  version: ['0.1.0'],
  phase: ['work'],
  tokens: ['all', 'critical', 'other', 'weighted'],
  outcome: ['correct', 'wrong', 'skipped'],
  criterion: ['strict-2', 'strict-3'],
  dataset: ['test'],
  k: ['1', '8'],
  bound: ['low', 'high'],
  reason: ['CriticalRatioLow'],
};

/** A run as the operator has it in its cache. */
export function finishedRun(namespace: string, name: string): RunObject {
  const results = {
    'critical-ratio': '0.125',
    'entropy/all': '0.4',
    'entropy/critical': '0.9',
    'entropy/other': '0.3',
    'base/test/accuracy': '0.5',
    'cft/test/accuracy': '0.75',
    'cft/test/passAt8': '0.9',
  };
  const condition = { reason: 'Because', message: '', lastTransitionTime: '2026-01-01T00:00:00Z' };
  const conditions = ['Accepted', 'Running', 'PodsPending', 'Suspended', 'Succeeded', 'Failed'].map((type) => ({
    ...condition,
    type,
    status: 'True' as const,
  }));
  return {
    metadata: { namespace, name },
    status: {
      progress: '60%',
      conditions,
      results: Object.entries(results).map(([key, value]) => ({ name: key, value })),
    },
  };
}

/** The metrics of an operator that leads and is at work, by its own code. */
export function operatorExposition(runs: readonly RunObject[]): () => Promise<string> {
  const metrics = createMetrics(4);
  addRunMetrics(metrics.registry, () => runs);
  metrics.leads(true);
  return () => {
    for (const outcome of ['success', 'error', 'requeue'] as const) metrics.reconciled(outcome, 0.02);
    metrics.queue.added(1);
    metrics.queue.taken(0, 5);
    metrics.queue.done(20);
    metrics.queue.retried();
    metrics.request('GET', '/', 200);
    return metrics.registry.metrics();
  };
}

/** The metrics of a stage, by its own code: every one there is, with every value of its labels. */
export function stageExposition(): () => Promise<string> {
  const registry = createRegistry();
  return () => {
    for (const [name, definition] of Object.entries<MetricDefinition>(METRICS))
      for (const labels of combinations(definition.labels)) update(registry, name as MetricName, definition, labels);
    return registry.text();
  };
}

/** What NVIDIA's DCGM exporter says of the GPU of a pod. */
export function gpuExposition(namespace: string, pod: string): () => Promise<string> {
  const labels = `{gpu="0",namespace="${namespace}",pod="${pod}",container="trainer"}`;
  const gauge = (name: string, value: number) => `# TYPE ${name} gauge\n${name}${labels} ${value}\n`;
  return async () => gauge('DCGM_FI_DEV_GPU_UTIL', 87) + gauge('DCGM_FI_DEV_FB_USED', 4096);
}

/** Serves each text at its path, on a free port of the loopback. */
export async function serveExpositions(texts: Readonly<Record<string, () => Promise<string>>>) {
  const server = createServer(async (request, response) => {
    const text = await texts[request.url ?? '']?.();
    response.writeHead(text === undefined ? 404 : 200, { 'content-type': 'text/plain; version=0.0.4' }).end(text);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const close = async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return { address, close };
}

function update(
  registry: MetricRegistry,
  name: MetricName,
  { type }: MetricDefinition,
  labels: Readonly<Record<string, string>>,
): void {
  const action = ({ gauge: 'set', counter: 'inc', histogram: 'observe' } as const)[type];
  registry.apply({ type: action, name, labels, value: 0.5 });
}

function combinations(labels: readonly string[]): Record<string, string>[] {
  const [first, ...rest] = labels;
  if (first === undefined) return [{}];
  return (LABELS[first] ?? []).flatMap((value) => combinations(rest).map((more) => ({ [first]: value, ...more })));
}
