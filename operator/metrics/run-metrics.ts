import { Gauge, type Registry } from 'prom-client';
import type { CftRunStatus } from '../../crds/cftrun.ts';
import type { KubeObject } from '../kube/objects.ts';

/** A run as it is in the cache. */
export interface RunObject extends KubeObject {
  readonly status?: CftRunStatus;
}

/**
 * Metrics of the runs, read from the cache when they are asked for: the last accuracy and entropy outlive the pods that measured them, and
 * all series of a run go with it.
 */
export function addRunMetrics(registry: Registry, runs: () => readonly RunObject[]): void {
  gauge(
    registry,
    'cft_run_condition',
    'State of a run: 1 for the status that a condition has.',
    ['type', 'status'],
    runs,
    conditions,
  );
  gauge(registry, 'cft_run_progress_ratio', 'Finished part of a run, from 0 to 1.', [], runs, progress);
  gauge(
    registry,
    'cft_eval_accuracy_ratio',
    'Accuracy of a variant: k="1" is greedy pass@1, a larger k the unbiased pass@k.',
    ['variant', 'dataset', 'k'],
    runs,
    accuracy,
  );
  gauge(
    registry,
    'cft_token_entropy_nats',
    'Mean entropy of the next-token distribution over all, critical or other response tokens.',
    ['tokens'],
    runs,
    entropy,
  );
  gauge(
    registry,
    'cft_annotate_critical_ratio',
    'Critical tokens among the annotated response tokens.',
    [],
    runs,
    critical,
  );
}

interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

function gauge(
  registry: Registry,
  name: string,
  help: string,
  labelNames: readonly string[],
  runs: () => readonly RunObject[],
  samples: (run: RunObject) => readonly Sample[],
): void {
  new Gauge({
    name,
    help,
    labelNames: ['namespace', 'run', ...labelNames],
    registers: [registry],
    collect() {
      this.reset();
      for (const run of runs()) {
        const { namespace = '', name: runName } = run.metadata;
        for (const { labels, value } of samples(run)) this.set({ namespace, run: runName, ...labels }, value);
      }
    },
  });
}

function conditions({ status }: RunObject): Sample[] {
  return (status?.conditions ?? []).map(({ type, status: state }) => ({
    labels: { type, status: state.toLowerCase() },
    value: 1,
  }));
}

function progress({ status }: RunObject): Sample[] {
  const ratio = Number.parseFloat(status?.progress ?? '') / 100;
  return Number.isFinite(ratio) ? [{ labels: {}, value: ratio }] : [];
}

function accuracy({ status }: RunObject): Sample[] {
  return (status?.results ?? []).flatMap(({ name, value }) => {
    const [variant, dataset, metric = ''] = name.split('/');
    const k = metric === 'accuracy' ? '1' : /^passAt(\d+)$/.exec(metric)?.[1];
    if (variant === undefined || dataset === undefined || k === undefined || metric === 'passAt1') return [];
    return [{ labels: { variant, dataset, k }, value: Number(value) }];
  });
}

function entropy({ status }: RunObject): Sample[] {
  return (status?.results ?? []).flatMap(({ name, value }) => {
    const tokens = /^entropy\/(all|critical|other)$/.exec(name)?.[1];
    return tokens === undefined ? [] : [{ labels: { tokens }, value: Number(value) }];
  });
}

function critical({ status }: RunObject): Sample[] {
  const found = status?.results?.find(({ name }) => name === 'critical-ratio');
  return found === undefined ? [] : [{ labels: {}, value: Number(found.value) }];
}
