import { BytesIEC, CountsPerSecond, RequestsPerSecond, Seconds, Short } from '@grafana/grafana-foundation-sdk/units';
import { dashboardJson } from './dashboard.ts';
import { graph, stat } from './panels.ts';
import { quantileOf, rateOf } from './promql.ts';

const JOB = 'job="$job"';

function rate(metric: string, by: string): string {
  return rateOf(metric, JOB, by);
}

function quantiles(metric: string) {
  return [
    { expr: quantileOf(0.5, metric, JOB), legend: 'median' },
    { expr: quantileOf(0.99, metric, JOB), legend: '99 %' },
  ];
}

const STATE = {
  title: 'State',
  panels: [
    stat(
      { title: 'Replicas up', description: 'Replicas that answer.', unit: Short, span: 6 },
      { expr: `sum(up{${JOB}})`, legend: 'up' },
    ),
    stat(
      { title: 'Leaders', description: 'Replicas that lead: 1, but for seconds.', unit: Short, span: 6 },
      { expr: `sum(leader_election_master_status{${JOB}})`, legend: 'leaders' },
    ),
    stat(
      { title: 'Queue', description: 'Runs that wait to be looked at.', unit: Short, span: 6 },
      { expr: `sum(workqueue_depth{${JOB}})`, legend: 'waiting' },
    ),
    stat(
      {
        title: 'Errors in the last hour',
        description: 'Looks at a run that ended with an error, and are done again.',
        unit: Short,
        span: 6,
      },
      { expr: `sum(increase(controller_runtime_reconcile_errors_total{${JOB}}[1h]))`, legend: 'errors' },
    ),
  ],
};

const WORK = {
  title: 'Work',
  panels: [
    graph(
      { title: 'Looks at runs', description: 'By how they ended.', unit: CountsPerSecond, span: 8 },
      { expr: rate('controller_runtime_reconcile_total', 'result'), legend: '{{result}}' },
    ),
    graph(
      { title: 'Time of a look', description: 'From taking a run to its end.', unit: Seconds, span: 8 },
      ...quantiles('controller_runtime_reconcile_time_seconds'),
    ),
    graph(
      { title: 'Time in the queue', description: 'How long runs wait to be looked at.', unit: Seconds, span: 8 },
      ...quantiles('workqueue_queue_duration_seconds'),
    ),
    graph(
      {
        title: 'Queue',
        description: 'Runs put into it, and those put back after an error.',
        unit: CountsPerSecond,
        span: 8,
      },
      { expr: rate('workqueue_adds_total', 'name'), legend: 'added' },
      { expr: rate('workqueue_retries_total', 'name'), legend: 'tried again' },
    ),
    graph(
      {
        title: 'Requests to the API server',
        description: 'By method and status of the answer; <error>: there was none.',
        unit: RequestsPerSecond,
        span: 8,
      },
      { expr: rate('rest_client_requests_total', 'method, code'), legend: '{{method}} {{code}}' },
    ),
    graph(
      {
        title: 'Who leads',
        description: 'The pod that leads. Each change is a restart, an upgrade, or a leader that lost its Lease.',
        unit: Short,
        span: 8,
      },
      { expr: `max by (pod) (leader_election_master_status{${JOB}})`, legend: '{{pod}}' },
    ),
  ],
};

const PROCESS = {
  title: 'Process',
  panels: [
    graph(
      { title: 'Memory', description: 'Resident memory and the used part of the heap.', unit: BytesIEC, span: 8 },
      { expr: `max by (pod) (process_resident_memory_bytes{${JOB}})`, legend: '{{pod}}' },
      { expr: `max by (pod) (nodejs_heap_size_used_bytes{${JOB}})`, legend: '{{pod}}, heap' },
    ),
    graph(
      { title: 'CPU', description: 'Cores that it keeps busy.', unit: Short, span: 8 },
      { expr: rate('process_cpu_seconds_total', 'pod'), legend: '{{pod}}' },
    ),
    graph(
      {
        title: 'Event loop',
        description: 'How long its one thread keeps other work waiting, 99th percentile.',
        unit: Seconds,
        span: 8,
      },
      { expr: `max by (pod) (nodejs_eventloop_lag_p99_seconds{${JOB}})`, legend: '{{pod}}' },
    ),
  ],
};

/** The operator itself. */
export function operatorDashboard(): string {
  return dashboardJson({
    uid: 'cft-operator',
    title: 'CFT / Operator',
    description: 'The CftRun operator: who leads, what it does, how long that takes.',
    variables: [{ name: 'job', label: 'Operator', of: 'leader_election_master_status{name="cftrun"}' }],
    rows: [STATE, WORK, PROCESS],
  });
}
