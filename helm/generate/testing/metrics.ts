import { createMetrics } from '../../../operator/metrics/metrics.ts';
import { addRunMetrics } from '../../../operator/metrics/run-metrics.ts';
import { METRICS, type MetricDefinition } from '../../../trainer/metrics/definitions.ts';

/** Labels that the chart's monitors give to all that they scrape, and those of NVIDIA's exporter. */
export const TARGET_LABELS = ['job', 'namespace', 'pod', 'run', 'stage', 'kind', 'shard'];

/** Metrics of others that the dashboards and alerts use: Prometheus itself, NVIDIA's DCGM exporter. */
const OF_OTHERS = ['up', 'DCGM_FI_DEV_GPU_UTIL', 'DCGM_FI_DEV_FB_USED'];

/** Every series name that there can be, with the labels that it has of its own. */
export function knownMetrics(): ReadonlyMap<string, readonly string[]> {
  const known = new Map<string, string[]>(OF_OTHERS.map((name) => [name, []]));
  const add = (name: string, type: string, labels: readonly string[]) => {
    const series = type === 'histogram' ? [`${name}_bucket`, `${name}_count`, `${name}_sum`] : [name];
    for (const one of series)
      known.set(one, [...(known.get(one) ?? []), ...labels, ...(one.endsWith('_bucket') ? ['le'] : [])]);
  };
  for (const [name, { type, labels }] of Object.entries<MetricDefinition>(METRICS)) add(name, type, labels);
  const { registry } = createMetrics(1);
  addRunMetrics(registry, () => []);
  for (const metric of registry.getMetricsAsArray()) {
    const { name, labelNames, type } = metric as typeof metric & { labelNames: string[]; type?: string };
    add(name, 'buckets' in metric ? 'histogram' : (type ?? 'gauge'), labelNames);
  }
  return known;
}
