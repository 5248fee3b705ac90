import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { RequestObserver } from '../kube/client.ts';
import type { QueueObserver } from '../queue/queue.ts';

const CONTROLLER = 'cftrun';
const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** prom-client's gauges with the name of a counter, which promtool refuses. */
const MISNAMED = /^nodejs_active_\w+_total$/;

export type ReconcileOutcome = 'success' | 'error' | 'requeue' | 'requeue_after';

/** The operator's own metrics, by the names that controller-runtime gave them, so that existing dashboards and alerts fit. */
export interface OperatorMetrics {
  readonly registry: Registry;
  readonly queue: QueueObserver;
  readonly request: RequestObserver;
  reconciled(outcome: ReconcileOutcome, seconds: number): void;
  leads(leads: boolean): void;
}

/** @param workers runs looked at at the same time */
export function createMetrics(workers: number): OperatorMetrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  for (const { name } of registry.getMetricsAsArray()) if (MISNAMED.test(name)) registry.removeSingleMetric(name);
  const reconciles = new Counter({
    name: 'controller_runtime_reconcile_total',
    help: 'Looks at a run, by how they ended.',
    labelNames: ['controller', 'result'],
    registers,
  });
  const errors = new Counter({
    name: 'controller_runtime_reconcile_errors_total',
    help: 'Looks at a run that ended with an error.',
    labelNames: ['controller'],
    registers,
  });
  const times = new Histogram({
    name: 'controller_runtime_reconcile_time_seconds',
    help: 'Time of one look at a run.',
    labelNames: ['controller'],
    buckets: SECONDS,
    registers,
  });
  new Gauge({
    name: 'controller_runtime_max_concurrent_reconciles',
    help: 'Runs looked at at the same time, at most.',
    labelNames: ['controller'],
    registers,
  }).set({ controller: CONTROLLER }, workers);
  const leader = new Gauge({
    name: 'leader_election_master_status',
    help: 'Whether this process leads: 1 or 0.',
    labelNames: ['name'],
    registers,
  });
  const requests = new Counter({
    name: 'rest_client_requests_total',
    help: 'Requests to the API server, by method and status of the answer; <error>: there was none.',
    labelNames: ['code', 'method'],
    registers,
  });
  for (const result of ['success', 'error', 'requeue', 'requeue_after'] as const)
    reconciles.inc({ controller: CONTROLLER, result }, 0);
  errors.inc({ controller: CONTROLLER }, 0);
  leader.set({ name: CONTROLLER }, 0);
  return {
    registry,
    queue: queueMetrics(registry),
    request: (method, _path, status) => requests.inc({ code: status === 0 ? '<error>' : String(status), method }),
    reconciled: (result, seconds) => {
      reconciles.inc({ controller: CONTROLLER, result });
      times.observe({ controller: CONTROLLER }, seconds);
      if (result === 'error') errors.inc({ controller: CONTROLLER });
    },
    leads: (leads) => leader.set({ name: CONTROLLER }, leads ? 1 : 0),
  };
}

function queueMetrics(registry: Registry): QueueObserver {
  const registers = [registry];
  const labelNames = ['name'] as const;
  const name = CONTROLLER;
  const depth = new Gauge({ name: 'workqueue_depth', help: 'Runs that wait to be looked at.', labelNames, registers });
  const adds = new Counter({ name: 'workqueue_adds_total', help: 'Runs put into the queue.', labelNames, registers });
  const retries = new Counter({
    name: 'workqueue_retries_total',
    help: 'Runs put into the queue again after an error.',
    labelNames,
    registers,
  });
  const waits = new Histogram({
    name: 'workqueue_queue_duration_seconds',
    help: 'Time that a run waits in the queue.',
    labelNames,
    buckets: SECONDS,
    registers,
  });
  const works = new Histogram({
    name: 'workqueue_work_duration_seconds',
    help: 'Time that a run taken from the queue is worked on.',
    labelNames,
    buckets: SECONDS,
    registers,
  });
  depth.set({ name }, 0);
  adds.inc({ name }, 0);
  retries.inc({ name }, 0);
  return {
    added: (now) => {
      adds.inc({ name });
      depth.set({ name }, now);
    },
    taken: (now, waited) => {
      depth.set({ name }, now);
      waits.observe({ name }, waited / 1000);
    },
    done: (worked) => works.observe({ name }, worked / 1000),
    retried: () => retries.inc({ name }),
  };
}
