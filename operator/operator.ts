import type { KubeConfig } from '@kubernetes/client-node';
import { createCaches, runKey } from './caches.ts';
import { Controller } from './controller.ts';
import type { JobSettings } from './jobs/job.ts';
import { KubeClient } from './kube/client.ts';
import { EventRecorder } from './kube/events.ts';
import { LeaderElection, leaseTimes } from './kube/leader.ts';
import type { Log } from './log.ts';
import { createMetrics } from './metrics/metrics.ts';
import { addRunMetrics } from './metrics/run-metrics.ts';
import { serveProbes } from './metrics/server.ts';
import { askPod } from './progress/ask.ts';
import { ProgressWatch } from './progress/watch.ts';
import type { Clock } from './queue/clock.ts';
import { WorkQueue } from './queue/queue.ts';
import { work } from './worker.ts';

export interface OperatorOptions {
  readonly kubeConfig: KubeConfig;
  /** The namespace whose runs are looked after; undefined: all. */
  readonly namespace: string | undefined;
  readonly settings: JobSettings;
  /** Runs looked at at the same time. */
  readonly workers: number;
  readonly probes: { readonly host: string; readonly port: number };
  /** Where the Lease lies; undefined: this process leads without asking. */
  readonly election: { readonly namespace: string; readonly name: string; readonly seconds: number } | undefined;
  /** Seconds between two rounds of asking pods for their progress. */
  readonly progressSeconds: number;
  /** Name of this process, unique among the operators. */
  readonly instance: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Aborted when the operator is to stop. */
  readonly signal: AbortSignal;
}

/** Seconds after which a change of a Job or pod is looked at: several that come together cost one look, and one write. */
const CHILD_DELAY = 0.3;

const RETRY = { first: 500, longest: 60_000 };

/**
 * Looks after CftRuns until the signal is aborted: then it finishes what it is doing, gives the lease back and returns.
 *
 * @returns `lost` if it lost the lease: another one leads, and this process must end at once
 */
export async function runOperator(options: OperatorOptions): Promise<'stopped' | 'lost'> {
  const { kubeConfig, clock, log, workers, settings, signal } = options;
  const metrics = createMetrics(workers);
  const client = new KubeClient(kubeConfig, { observe: metrics.request });
  const election = options.election === undefined ? undefined : electionOf(options, client);
  const leads = () => election?.leads ?? true;
  const writer = new KubeClient(kubeConfig, {
    observe: metrics.request,
    mayWrite: () => election?.mayWrite ?? true,
  });
  const queue = new WorkQueue({ clock, backoff: RETRY, observer: metrics.queue });
  // The caches end after the work that reads them.
  const ending = new AbortController();
  const caches = createCaches({
    ...{ client, namespace: options.namespace, log, signal: ending.signal },
    onChange: (run) => queue.add(run),
    onChildChange: (run) => queue.addAfter(run, CHILD_DELAY),
  });
  // Of two replicas only the one that leads tells of the runs, or sums would count them twice.
  addRunMetrics(metrics.registry, () => (leads() ? caches.runs.list() : []));
  const probes = await serveProbes(options.probes, metrics.registry, caches.hasSynced);
  log.info('metrics and probes are served', { port: probes.port });
  const live = new ProgressWatch({
    ...{ runOf: runKey, ask: askPod, clock, interval: options.progressSeconds, signal: ending.signal },
    pods: () => caches.pods.list(),
    onChange: (run) => queue.add(run),
  });
  const now = () => new Date(clock.now());
  const onError = (error: unknown) => log.warn('an event could not be written', { error });
  const recorder = new EventRecorder({ client: writer, instance: options.instance, now, onError });
  const controller = new Controller({
    ...{ client: writer, ...caches, recorder, settings, now },
    progress: (run) => live.of(run),
  });
  const background: Promise<unknown>[] = [caches.run()];
  try {
    if (election !== undefined) {
      log.info('waits to lead', { instance: options.instance });
      await election.acquire();
    }
    metrics.leads(true);
    // From now on the lease is renewed, however long the caches take.
    const end = election === undefined ? aborted(signal).then(() => 'released' as const) : election.hold();
    const synced = await Promise.race([caches.synced.then(() => true), end.then(() => false)]);
    if (synced) log.info('leads', { instance: options.instance, runs: caches.runs.list().length });
    if (synced) background.push(live.run());
    const working = Array.from({ length: synced ? workers : 0 }, () =>
      work({ controller, queue, metrics, log, clock }),
    );
    if ((await end) === 'lost') {
      log.error('lost the lease');
      return 'lost';
    }
    log.info('stops');
    await queue.shutDown();
    await Promise.all(working);
    await election?.release();
    return 'stopped';
  } catch (error) {
    if (!signal.aborted) throw error;
    return 'stopped';
  } finally {
    ending.abort();
    await Promise.all(background);
    await probes.close();
  }
}

function electionOf({ election, instance, clock, log, signal }: OperatorOptions, client: KubeClient): LeaderElection {
  const onError = (error: unknown) => log.warn('the lease could not be read or renewed', { error });
  const { namespace = '', name = '', seconds } = election ?? {};
  const times = leaseTimes(seconds);
  return new LeaderElection({ client, namespace, name, identity: instance, clock, times, onError, signal });
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
