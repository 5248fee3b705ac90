import type { KubeConfig } from '@kubernetes/client-node';
import { Controller } from './controller.ts';
import type { JobSettings } from './jobs/job.ts';
import { LABEL, MANAGED_SELECTOR } from './jobs/names.ts';
import { KubeClient } from './kube/client.ts';
import { EventRecorder } from './kube/events.ts';
import { LeaderElection } from './kube/leader.ts';
import { type Job, type KubeObject, keyOf, type Metadata, type Pod } from './kube/objects.ts';
import { Reflector } from './kube/reflector.ts';
import { CFT_RUNS, JOBS, PODS, type Resource } from './kube/resources.ts';
import type { Log } from './log.ts';
import { createMetrics, type OperatorMetrics } from './metrics/metrics.ts';
import { addRunMetrics, type RunObject } from './metrics/run-metrics.ts';
import { serveProbes } from './metrics/server.ts';
import type { Clock } from './queue/clock.ts';
import { WorkQueue } from './queue/queue.ts';

export interface OperatorOptions {
  readonly kubeConfig: KubeConfig;
  /** The namespace whose runs are looked after; undefined: all. */
  readonly namespace: string | undefined;
  readonly settings: JobSettings;
  /** Runs looked at at the same time. */
  readonly workers: number;
  readonly probes: { readonly host: string; readonly port: number };
  /** Where the Lease lies; undefined: this process leads without asking. */
  readonly election: { readonly namespace: string; readonly name: string } | undefined;
  /** Name of this process, unique among the operators. */
  readonly instance: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Aborted when the operator is to stop. */
  readonly signal: AbortSignal;
}

const RETRY = { first: 500, longest: 300_000 };

/**
 * Looks after CftRuns until the signal is aborted: then it finishes what it is doing, gives the lease back and returns.
 *
 * @returns `lost` if it lost the lease: another one leads, and this process must end at once
 */
export async function runOperator(options: OperatorOptions): Promise<'stopped' | 'lost'> {
  const { clock, log, workers, signal } = options;
  const metrics = createMetrics(workers);
  const client = new KubeClient(options.kubeConfig, metrics.request);
  const queue = new WorkQueue({ clock, backoff: RETRY, observer: metrics.queue });
  // The caches end after the work that reads them.
  const caches = new AbortController();
  const watch = <T extends KubeObject>(
    resource: Resource,
    more: Partial<ConstructorParameters<typeof Reflector<T>>[0]>,
  ) =>
    new Reflector<T>({
      client,
      resource,
      namespace: options.namespace,
      keep: slim,
      onChange: (object) => queue.add(runKey(object)),
      onError: (error) => log.warn(`the watch on ${resource.plural} broke off`, { error }),
      signal: caches.signal,
      ...more,
    });
  const runs = watch<RunObject>(CFT_RUNS, { onChange: (run) => queue.add(keyOf(run)) });
  const jobs = watch<Job>(JOBS, { labelSelector: MANAGED_SELECTOR, indexBy: runKey });
  const pods = watch<Pod>(PODS, { labelSelector: MANAGED_SELECTOR, indexBy: runKey });
  const reflectors = [runs, jobs, pods];
  addRunMetrics(metrics.registry, () => runs.list());
  const isReady = () => reflectors.every(({ hasSynced }) => hasSynced);
  const probes = await serveProbes(options.probes, metrics.registry, isReady);
  log.info('metrics and probes are served', { port: probes.port });
  const now = () => new Date(clock.now());
  const onError = (error: unknown) => log.warn('an event could not be written', { error });
  const recorder = new EventRecorder({ client, instance: options.instance, now, onError });
  const { settings } = options;
  const controller = new Controller({ client, runs, jobs, pods, recorder, progress: () => new Map(), settings, now });
  const watching = reflectors.map((reflector) => reflector.run());
  const election = options.election === undefined ? undefined : electionOf(options, client);
  try {
    if (election !== undefined) {
      log.info('waits to lead', { instance: options.instance });
      await election.acquire();
    }
    metrics.leads(true);
    await Promise.race([Promise.all(reflectors.map(({ synced }) => synced)), aborted(signal)]);
    log.info('leads', { instance: options.instance, runs: runs.list().length });
    const work = Array.from({ length: workers }, () => worker(controller, queue, metrics, log, clock));
    const end = election === undefined ? aborted(signal).then(() => 'released' as const) : election.hold();
    if ((await end) === 'lost') {
      log.error('lost the lease');
      return 'lost';
    }
    log.info('stops');
    await queue.shutDown();
    await Promise.all(work);
    await election?.release();
    return 'stopped';
  } catch (error) {
    if (!signal.aborted) throw error;
    return 'stopped';
  } finally {
    caches.abort();
    await Promise.all(watching);
    await probes.close();
  }
}

async function worker(
  controller: Controller,
  queue: WorkQueue,
  metrics: OperatorMetrics,
  log: Log,
  clock: Clock,
): Promise<void> {
  for (let key = await queue.get(); key !== undefined; key = await queue.get()) {
    const since = clock.now();
    const outcome = await look(controller, queue, key, log);
    metrics.reconciled(outcome, (clock.now() - since) / 1000);
    queue.done(key);
  }
}

async function look(controller: Controller, queue: WorkQueue, key: string, log: Log) {
  try {
    const { requeueAfter, conflict, refused } = await controller.reconcile(key);
    if (refused !== undefined) log.warn('the API server refuses what the run asks for', { run: key, error: refused });
    if (conflict === true || refused !== undefined) {
      queue.addRateLimited(key);
      return 'requeue';
    }
    queue.forget(key);
    if (requeueAfter === undefined) return 'success';
    queue.addAfter(key, requeueAfter);
    return 'requeue_after';
  } catch (error) {
    log.error('a run could not be looked at; trying again', { run: key, error });
    queue.addRateLimited(key);
    return 'error';
  }
}

function electionOf({ election, instance, clock, log, signal }: OperatorOptions, client: KubeClient): LeaderElection {
  const onError = (error: unknown) => log.warn('the lease could not be read or renewed', { error });
  const { namespace = '', name = '' } = election ?? {};
  return new LeaderElection({ client, namespace, name, identity: instance, clock, onError, signal });
}

/** The run that a Job or pod belongs to, by its labels. */
function runKey({ metadata }: KubeObject): string {
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

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
