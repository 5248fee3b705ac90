// `npm run bench -- operator [runs]`: many runs at once on the real control plane, with nodes that only look as if (kwok).
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CftRun } from '../crds/cftrun.ts';
import { Stage } from '../crds/stage.ts';
import { LABEL, MANAGED_SELECTOR } from '../operator/jobs/names.ts';
import type { ConfigMap, KubeList, KubeObject, Pod } from '../operator/kube/objects.ts';
import { Reflector } from '../operator/kube/reflector.ts';
import { CFT_RUNS, CONFIG_MAPS, collectionPath, PODS, type Resource } from '../operator/kube/resources.ts';
import { startWorld } from '../test/cluster/fixture.ts';
import { JobHistory } from '../test/cluster/job-history.ts';
import { OperatorProcess } from '../test/cluster/operator-process.ts';
import { GROUPS, manifest, succeed } from '../test/cluster/runs.ts';
import type { World } from '../test/cluster/world.ts';
import { inParallel } from './in-parallel.ts';

const LONGEST = 30 * 60;

/** What many runs at once cost. Times in seconds from the first request, memory in bytes. */
interface Measured {
  readonly runs: number;
  readonly created: number;
  readonly firstJobs: number;
  readonly finished: number;
  readonly jobs: number;
  readonly peakMemory: number;
  readonly requests: ReadonlyMap<string, number>;
  /** Runs whose Jobs are not exactly one for each stage. */
  readonly wrong: readonly string[];
}

/** Creates so many runs at once, lets every pod succeed at once, and measures the operator until all runs have. */
export async function benchOperator(count: number): Promise<void> {
  const { cluster, world } = await startWorld('cft-bench');
  const operator = new OperatorProcess(cluster.kubeconfig, ['--lease', 'cft-bench/cft-operator']);
  try {
    await operator.start();
    print(await measure(world, operator, count));
  } finally {
    await operator.stop('SIGTERM');
    await cluster.stop();
  }
}

async function measure(world: World, operator: OperatorProcess, count: number): Promise<Measured> {
  const history = new JobHistory(world.client, world.namespace);
  const runs = watch<CftRun & KubeObject>(world, CFT_RUNS);
  const pods = watch<Pod>(world, PODS, MANAGED_SELECTOR);
  await Promise.all([history.started, runs.reflector.synced, pods.reflector.synced]);
  const names = Array.from({ length: count }, (_, i) => `run-${String(i).padStart(4, '0')}`);
  const began = performance.now();
  const seconds = () => (performance.now() - began) / 1000;
  const until = async (check: () => boolean | Promise<boolean>) => {
    while (!(await check())) {
      if (seconds() > LONGEST || operator.hasEnded) throw new Error(`not done after ${seconds()} s\n${operator.log}`);
      await sleep(100);
    }
    return seconds();
  };
  try {
    await inParallel(names, (name) =>
      world.client.create(collectionPath(CFT_RUNS, world.namespace), manifest(name, { annotate: { shards: 1 } })),
    );
    const created = seconds();
    const firstJobs = await until(() => names.every((name) => history.of(name).length >= 2));
    const stages = await stagesByRun(world);
    const finished = await until(async () => {
      await finishPods(world, pods.reflector.list(), stages);
      return runs.reflector.list().filter(({ status }) => status?.phase === 'Succeeded').length === count;
    });
    const expected = GROUPS.map((group) => `${group}/1`).join();
    return {
      ...{ runs: count, created, firstJobs, finished },
      jobs: names.reduce((sum, name) => sum + history.of(name).length, 0),
      peakMemory: peakMemory(operator.pid ?? 0),
      requests: requestsOf((await operator.ask('/metrics')).text),
      wrong: names.filter((name) => history.of(name).join() !== expected),
    };
  } finally {
    await Promise.all([history.stop(), runs.stop(), pods.stop()]);
  }
}

function watch<T extends KubeObject>({ client, namespace }: World, resource: Resource, labelSelector?: string) {
  const end = new AbortController();
  const reflector = new Reflector<T>({
    ...{ client, namespace, resource, signal: end.signal, keep: (object: T) => object },
    ...(labelSelector === undefined ? {} : { labelSelector }),
    onChange: () => {},
    onError: () => {},
  });
  const running = reflector.run();
  const stop = async () => {
    end.abort();
    await running;
  };
  return { reflector, stop };
}

/** Each run's stages by the group that does them; with one shard there is one stage a group. */
async function stagesByRun(world: World): Promise<ReadonlyMap<string, Stage>> {
  const path = collectionPath(CONFIG_MAPS, world.namespace);
  const list: KubeList<ConfigMap> = await world.client.send('GET', path, {
    query: { labelSelector: MANAGED_SELECTOR },
  });
  return new Map(
    list.items.flatMap(({ metadata, data = {} }) =>
      Object.entries(data).map(([file, text]) => [
        `${metadata.labels?.[LABEL.run]}/${file.replace(/(-0)?\.json$/, '')}`,
        Stage.parse(JSON.parse(text)),
      ]),
    ),
  );
}

async function finishPods(world: World, pods: readonly Pod[], stages: ReadonlyMap<string, Stage>): Promise<void> {
  const running = pods.filter(
    ({ metadata, status }) => status?.phase === 'Running' && metadata.annotations?.['cft.test/exit-code'] === undefined,
  );
  await inParallel(running, async ({ metadata }) => {
    const stage = stages.get(`${metadata.labels?.[LABEL.run]}/${metadata.labels?.[LABEL.stage]}`);
    const message = stage === undefined ? '' : JSON.stringify(succeed(stage)?.result);
    const annotations = { 'cft.test/exit-code': '0', 'cft.test/message': message };
    await world.client.merge(PODS, world.namespace, metadata.name, { metadata: { annotations } });
  });
}

/** The most memory that a process ever had resident. */
function peakMemory(pid: number): number {
  return 1024 * Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? Number.NaN);
}

/** Answered requests by method. */
function requestsOf(metrics: string): ReadonlyMap<string, number> {
  const sums = new Map<string, number>();
  for (const [, method = '', value] of metrics.matchAll(/^rest_client_requests_total\{.*method="(\w+)".*\} (\d+)$/gm))
    sums.set(method, (sums.get(method) ?? 0) + Number(value));
  return sums;
}

function print({ runs, created, firstJobs, finished, jobs, peakMemory: peak, requests, wrong }: Measured): void {
  const total = [...requests.values()].reduce((sum, value) => sum + value, 0);
  const byMethod = [...requests].map(([method, value]) => `${method} ${(value / runs).toFixed(1)}`).join(', ');
  const lines = [
    ['runs at once', String(runs)],
    ['all runs created', `${created.toFixed(1)} s`],
    ['first Jobs of all runs created', `${firstJobs.toFixed(1)} s`],
    ['all runs succeeded', `${finished.toFixed(1)} s`],
    ['Jobs', `${jobs}, ${wrong.length === 0 ? 'one a stage of every run' : `WRONG for ${wrong.join(', ')}`}`],
    ['API requests a run', `${(total / runs).toFixed(1)} (${byMethod})`],
    ["operator's peak memory (resident)", `${(peak / 2 ** 20).toFixed(0)} MiB`],
  ];
  for (const [name = '', value] of lines) process.stdout.write(`${name.padEnd(36)}${value}\n`);
  if (wrong.length > 0) process.exitCode = 1;
}
