import { LABEL, MANAGED_SELECTOR } from './jobs/names.ts';
import type { KubeClient } from './kube/client.ts';
import { type Job, type KubeObject, keyOf, type Metadata, type Pod } from './kube/objects.ts';
import { Reflector } from './kube/reflector.ts';
import { CFT_RUNS, JOBS, PODS, type Resource } from './kube/resources.ts';
import type { Log } from './log.ts';
import type { RunObject } from './metrics/run-metrics.ts';

export interface CachesOptions {
  readonly client: KubeClient;
  /** Undefined: all namespaces. */
  readonly namespace: string | undefined;
  /** Told of every run that has changed, by its key. */
  readonly onChange: (run: string) => void;
  /** Told of every run of which a Job or pod has changed. */
  readonly onChildChange: (run: string) => void;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** Copies of what the operator looks at: all runs, and the Jobs and pods that are theirs. */
export interface Caches {
  readonly runs: Reflector<RunObject>;
  readonly jobs: Reflector<Job>;
  readonly pods: Reflector<Pod>;
  readonly hasSynced: () => boolean;
  /** Resolves when all are filled. */
  readonly synced: Promise<unknown>;
  /** Works until the signal is aborted. */
  readonly run: () => Promise<unknown>;
}

export function createCaches({ client, namespace, onChange, onChildChange, log, signal }: CachesOptions): Caches {
  const watch = <T extends KubeObject>(resource: Resource, runOf: (object: T) => string, labelSelector?: string) =>
    new Reflector<T>({
      ...{ client, resource, namespace, signal, indexBy: runOf, keep: slim },
      ...(labelSelector === undefined ? {} : { labelSelector }),
      onChange: (object) => (labelSelector === undefined ? onChange : onChildChange)(runOf(object)),
      onError: (error) => log.warn(`the watch on ${resource.plural} broke off`, { error }),
    });
  const runs = watch<RunObject>(CFT_RUNS, keyOf);
  const jobs = watch<Job>(JOBS, runKey, MANAGED_SELECTOR);
  const pods = watch<Pod>(PODS, runKey, MANAGED_SELECTOR);
  const all = [runs, jobs, pods];
  return {
    ...{ runs, jobs, pods },
    hasSynced: () => all.every(({ hasSynced }) => hasSynced),
    synced: Promise.all(all.map(({ synced }) => synced)),
    run: () => Promise.all(all.map((reflector) => reflector.run())),
  };
}

/** The run that a Job or pod belongs to, by its labels. */
export function runKey({ metadata }: KubeObject): string {
  return `${metadata.namespace ?? ''}/${metadata.labels?.[LABEL.run] ?? ''}`;
}

/** An object without what nobody reads and takes most of its room. */
function slim<T extends KubeObject>(object: T): T {
  const { managedFields: _, ...metadata } = object.metadata as Metadata & { managedFields?: unknown };
  const { spec } = object as { spec?: { template?: unknown; containers?: unknown; volumes?: unknown } };
  if (spec === undefined) return { ...object, metadata };
  const { template: _template, containers: _containers, volumes: _volumes, ...rest } = spec;
  return { ...object, metadata, spec: rest };
}
