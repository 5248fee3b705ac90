import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseCftRun } from '../../../crds/parse.ts';
import { executeRun } from '../execute-run.ts';

/**
 * Executes a small run as `cft run` does, with a given program in the place of `cft`.
 *
 *     node runner.ts RUN_DIR PROGRAM PARALLEL BACKOFF_LIMIT METRICS_PORT
 *
 * Prints the outcome as JSON; RUN_DIR/events gets a line `<event> <stage>` for whatever happens.
 */
const [runDir = '', program = '', parallel = '1', backoffLimit = '0', metrics = 'off'] = process.argv.slice(2);
const controller = new AbortController();
process.once('SIGTERM', () => controller.abort());

const run = parseCftRun(
  {
    apiVersion: 'cft.dev/v1alpha1',
    kind: 'CftRun',
    metadata: { name: 'demo' },
    spec: {
      model: { source: 'model' },
      data: { train: { source: 'train.jsonl' } },
      verifier: { type: 'math' },
      training: { variants: [{ name: 'cft', objective: 'critical', seeds: [0, 1] }] },
      evaluation: { datasets: [{ name: 'test', source: 'test.jsonl' }] },
      backoffLimit: Number(backoffLimit),
    },
  },
  'runner.ts',
);
const event = (name: string, stage: string) => appendFileSync(join(runDir, 'events'), `${name} ${stage}\n`);
const { status, failure, results } = await executeRun(
  run,
  { manifestDir: runDir, runDir },
  {
    launch: ({ kind }, file) => ({
      command: process.execPath,
      args: [program, kind, '--stage', file, '--metrics-port', metrics],
    }),
    parallel: Number(parallel),
    signal: controller.signal,
    graceSeconds: 5,
    fresh: process.env.FRESH === '1',
    onPlan: (_stages, orphans) => {
      for (const orphan of orphans) event('orphan', orphan);
    },
    observer: {
      skipped: ({ name }) => event('skipped', name),
      started: ({ name }) => event('started', name),
      endpoint: ({ name }) => event('endpoint', name),
      progress: ({ name }) => event('progress', name),
      succeeded: ({ name }) => event('succeeded', name),
      failed: ({ name }) => event('failed', name),
    },
  },
);
const sums = Object.fromEntries([...results].map(([name, { metrics }]) => [name, metrics.sum]));
process.stdout.write(JSON.stringify({ status, failed: failure?.stage.name, message: failure?.message, sums }));
