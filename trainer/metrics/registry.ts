import { Counter, collectDefaultMetrics, Gauge, Histogram, type Metric, Registry } from 'prom-client';
import { CftError } from '../../crds/errors.ts';
import { METRICS, type MetricDefinition, type MetricName } from './definitions.ts';
import type { MetricUpdate } from './protocol.ts';

/** prom-client's own metrics that are about the process; the others would describe the serving thread, or have names that promtool refuses. */
const PROCESS_METRICS = /^process_|^nodejs_version_info$/;

/** A prom-client registry in which the metrics of the table come and go by messages. */
export interface MetricRegistry {
  readonly contentType: string;
  apply(update: MetricUpdate): void;
  /** The exposition text. */
  text(): Promise<string>;
}

/** Builds the registry of a process: every metric of {@link METRICS} (a series appears with its first value) and the process's own. */
export function createRegistry(): MetricRegistry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  for (const { name } of registry.getMetricsAsArray())
    if (!PROCESS_METRICS.test(name)) registry.removeSingleMetric(name);
  const metrics = new Map<string, Metric>();
  const metric = (name: MetricName): Metric => {
    const known = metrics.get(name) ?? createMetric(name, registry);
    metrics.set(name, known);
    return known;
  };
  return {
    contentType: registry.contentType,
    apply: (update) => applyUpdate(metric(update.name), update),
    text: () => registry.metrics(),
  };
}

function createMetric(name: MetricName, registry: Registry): Metric {
  const { type, help, labels, buckets }: MetricDefinition = METRICS[name];
  const configuration = { name, help, labelNames: [...labels], registers: [registry] };
  if (type === 'gauge') return new Gauge(configuration);
  if (type === 'counter') return new Counter(configuration);
  return new Histogram(buckets === undefined ? configuration : { ...configuration, buckets: [...buckets] });
}

function applyUpdate(metric: Metric, { type, name, labels, value }: MetricUpdate): void {
  if (type === 'set' && metric instanceof Gauge) metric.set(labels, value);
  else if (type === 'inc' && metric instanceof Counter) metric.inc(labels, value);
  else if (type === 'observe' && metric instanceof Histogram) metric.observe(labels, value);
  else throw new CftError('Internal', `${name} is a ${METRICS[name].type}: it has no "${type}"`);
}
