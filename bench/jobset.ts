// `npm run bench -- jobset [runs]`: how long it takes until the first Jobs of many runs are there, beside JobSet's controller.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CFT_RUNS, collectionPath, JOBS, type Resource } from '../operator/kube/resources.ts';
import { freePorts } from '../test/cluster/cluster.ts';
import { startWorld } from '../test/cluster/fixture.ts';
import { directoryOf, type GoPrograms, provide } from '../test/cluster/go-programs.ts';
import { OperatorProcess } from '../test/cluster/operator-process.ts';
import { manifest } from '../test/cluster/runs.ts';
import type { World } from '../test/cluster/world.ts';
import { inParallel } from './in-parallel.ts';

const MODULE = join(import.meta.dirname, 'jobset');
const PROGRAMS: GoPrograms = {
  name: 'jobset',
  module: MODULE,
  packages: { jobset: 'sigs.k8s.io/jobset' },
  linkerFlags: () => '-s -w',
};
const JOB_SETS: Resource = { base: '/apis/jobset.x-k8s.io/v1alpha2', plural: 'jobsets' };
/** Jobs that a run starts with: generate and evaluate-base. A JobSet of the comparison has as many. */
const FIRST_JOBS = 2;
const LONGEST = 600;

/** Both on the same control plane, one after the other: JobSet first, so that it has the emptier cluster. */
export async function benchJobSet(count: number): Promise<void> {
  process.stdout.write('builds the JobSet controller if it is not there yet ...\n');
  await provide(PROGRAMS);
  const { cluster, world } = await startWorld('cft-bench');
  try {
    const theirs = await withJobSetController(world, () => timeToJobs(world, JOB_SETS, names(count).map(jobSet)));
    const operator = new OperatorProcess(cluster.kubeconfig);
    await operator.start();
    const ours = await timeToJobs(world, CFT_RUNS, names(count).map(run)).finally(() => operator.stop('SIGTERM'));
    const line = (name: string, value: string) => process.stdout.write(`${name.padEnd(44)}${value}\n`);
    line('processors', `${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}`);
    line(`${count} JobSets, all ${FIRST_JOBS * count} Jobs created`, `${theirs.toFixed(1)} s`);
    line(`${count} CftRuns, all ${FIRST_JOBS * count} first Jobs created`, `${ours.toFixed(1)} s`);
    line('times as fast', (theirs / ours).toFixed(2));
  } finally {
    await cluster.stop();
  }
}

function names(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `run-${String(i).padStart(4, '0')}`);
}

function run(name: string): object {
  return manifest(name, { annotate: { shards: 1 } });
}

/** With the fields that JobSet's webhook would fill in: it is not asked here, which spares it a request for each object. */
function jobSet(name: string): object {
  const container = {
    name: 'trainer',
    image: 'trainer:test',
    volumeMounts: [{ name: 'storage', mountPath: '/storage' }],
  };
  const volumes = [{ name: 'storage', persistentVolumeClaim: { claimName: 'runs' } }];
  const pod = { restartPolicy: 'Never', containers: [container], volumes };
  const spec = { completionMode: 'Indexed', completions: 1, parallelism: 1, backoffLimit: 3, template: { spec: pod } };
  return {
    apiVersion: 'jobset.x-k8s.io/v1alpha2',
    kind: 'JobSet',
    metadata: { name },
    spec: {
      network: { enableDNSHostnames: false },
      successPolicy: { operator: 'All' },
      startupPolicy: { startupPolicyOrder: 'AnyOrder' },
      replicatedJobs: ['generate', 'evaluate-base'].map((job) => ({ name: job, replicas: 1, template: { spec } })),
    },
  };
}

/** Seconds from the first object created until all their Jobs are there. */
async function timeToJobs(world: World, resource: Resource, objects: readonly object[]): Promise<number> {
  const jobs = async () => {
    const query = { limit: 1, resourceVersion: undefined };
    const list = await world.client.send<{ metadata: { remainingItemCount?: number }; items: object[] }>(
      'GET',
      collectionPath(JOBS, world.namespace),
      { query },
    );
    return list.items.length + (list.metadata.remainingItemCount ?? 0);
  };
  const before = await jobs();
  const began = performance.now();
  await inParallel(objects, (object) => world.client.create(collectionPath(resource, world.namespace), object));
  while ((await jobs()) - before < FIRST_JOBS * objects.length) {
    if (performance.now() - began > LONGEST * 1000) throw new Error(`not all Jobs are there after ${LONGEST} s`);
    await sleep(50);
  }
  return (performance.now() - began) / 1000;
}

/** Runs the controller while `work` lasts. */
async function withJobSetController<T>(world: World, work: () => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), 'cft-jobset-'));
  let child: ChildProcess | undefined;
  try {
    const source = execFileSync('go', ['list', '-m', '-f', '{{.Dir}}', 'sigs.k8s.io/jobset'], {
      cwd: MODULE,
    }).toString();
    const crd = join(source.trim(), 'config/components/crd/bases/jobset.x-k8s.io_jobsets.yaml');
    await world.installCrd('jobsets.jobset.x-k8s.io', readFileSync(crd, 'utf8'));
    const config = await writeConfig(directory);
    const env = { ...process.env, KUBECONFIG: world.kubeconfig };
    let log = '';
    child = spawn(join(directoryOf(PROGRAMS), 'jobset'), ['--config', config], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (text) => (log += text));
    for (let i = 0; !/Starting workers[^\n]*jobset/i.test(log); i++) {
      if (child.exitCode !== null || i > 600) throw new Error(`the JobSet controller did not start:\n${log}`);
      await sleep(100);
    }
    return await work();
  } finally {
    child?.kill();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Settings as few as possible: no leader election, no metrics, and a certificate for webhooks that nobody calls. */
async function writeConfig(directory: string): Promise<string> {
  execFileSync(
    'openssl',
    [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-subj',
      '/CN=jobset',
    ].concat(['-days', '2', '-keyout', join(directory, 'tls.key'), '-out', join(directory, 'tls.crt')]),
    { stdio: 'pipe' },
  );
  const [webhook, health] = await freePorts(2);
  const file = join(directory, 'config.yaml');
  const config = {
    apiVersion: 'config.jobset.x-k8s.io/v1alpha1',
    kind: 'Configuration',
    leaderElection: { leaderElect: false },
    internalCertManagement: { enable: false },
    metrics: { bindAddress: '0' },
    health: { healthProbeBindAddress: `127.0.0.1:${health}` },
    webhook: { host: '127.0.0.1', port: webhook, certDir: directory },
    clientConnection: { qps: 1000, burst: 2000 },
  };
  writeFileSync(file, JSON.stringify(config));
  return file;
}
