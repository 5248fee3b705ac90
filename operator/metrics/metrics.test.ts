import { Registry } from 'prom-client';
import { afterEach, describe, expect, test } from 'vitest';
import type { CftRunStatus } from '../../crds/cftrun.ts';
import { createMetrics } from './metrics.ts';
import { addRunMetrics, type RunObject } from './run-metrics.ts';
import { type ProbeServer, serveProbes } from './server.ts';

const runObject = (name: string, status: CftRunStatus): RunObject => ({
  metadata: { name, namespace: 'team' },
  status,
});

const status: CftRunStatus = {
  progress: '42%',
  conditions: [
    { type: 'Running', status: 'True', reason: 'R', message: '', lastTransitionTime: '2026-01-01T00:00:00Z' },
    { type: 'Suspended', status: 'False', reason: 'R', message: '', lastTransitionTime: '2026-01-01T00:00:00Z' },
  ],
  results: Object.entries({
    'cft/test/accuracy': '0.75',
    'cft/test/passAt8': '0.9',
    'cft/test/passAt1': '0.7',
    'cft/learningRate': '0.00001',
    'entropy/critical': '0.9',
    'critical-ratio': '0.125',
  }).map(([name, value]) => ({ name, value })),
};

describe('metrics of the runs', () => {
  test('say what the status says', async () => {
    const registry = new Registry();
    addRunMetrics(registry, () => [runObject('a', status)]);
    const series = (await registry.metrics()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    const of = 'namespace="team",run="a"';
    expect(series.sort()).toEqual([
      `cft_annotate_critical_ratio{${of}} 0.125`,
      `cft_eval_accuracy_ratio{${of},variant="cft",dataset="test",k="1"} 0.75`,
      `cft_eval_accuracy_ratio{${of},variant="cft",dataset="test",k="8"} 0.9`,
      `cft_run_condition{${of},type="Running",status="true"} 1`,
      `cft_run_condition{${of},type="Suspended",status="false"} 1`,
      `cft_run_progress_ratio{${of}} 0.42`,
      `cft_token_entropy_nats{${of},tokens="critical"} 0.9`,
    ]);
  });

  test('go with their run', async () => {
    const registry = new Registry();
    let runs = [runObject('a', status), runObject('b', status)];
    addRunMetrics(registry, () => runs);
    expect(await registry.metrics()).toContain('run="a"');
    runs = runs.slice(1);
    const text = await registry.metrics();
    expect(text).not.toContain('run="a"');
    expect(text).toContain('run="b"');
  });
});

test("the operator's own metrics are there from the start, at zero", async () => {
  const { registry, request } = createMetrics(3);
  request('GET', '/x', 429);
  request('GET', '/x', 0);
  const text = await registry.metrics();
  for (const line of [
    'controller_runtime_reconcile_total{controller="cftrun",result="error"} 0',
    'controller_runtime_reconcile_errors_total{controller="cftrun"} 0',
    'controller_runtime_max_concurrent_reconciles{controller="cftrun"} 3',
    'workqueue_depth{name="cftrun"} 0',
    'leader_election_master_status{name="cftrun"} 0',
    'rest_client_requests_total{code="429",method="GET"} 1',
    'rest_client_requests_total{code="<error>",method="GET"} 1',
  ])
    expect(text).toContain(`${line}\n`);
});

describe('the server of the probes', () => {
  let server: ProbeServer | undefined;
  afterEach(() => server?.close());

  test('is alive at once, and ready when the caches are', async () => {
    let ready = false;
    server = await serveProbes({ host: '127.0.0.1', port: 0 }, new Registry(), () => ready);
    const status = async (path: string) => (await fetch(`http://127.0.0.1:${server?.port}${path}`)).status;
    expect([await status('/healthz'), await status('/readyz'), await status('/metrics')]).toEqual([200, 503, 200]);
    ready = true;
    expect([await status('/readyz?verbose'), await status('/other')]).toEqual([200, 404]);
  });
});
