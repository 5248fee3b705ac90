import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { LABEL } from '../../operator/jobs/names.ts';
import type { Pod } from '../../operator/kube/objects.ts';
import { trainerState } from '../../operator/reconcile/pod-result.ts';
import { buildImage } from '../../scripts/images/archive.ts';
import { hasBase } from '../../scripts/images/base.ts';
import { binariesDirectory, provideBinaries } from './binaries.ts';
import { startCluster, type TestCluster } from './cluster.ts';
import { differences, EXAMPLE, type LocalRun, localStorage, reducedExample, runLocally } from './example.ts';
import { hasCluster, START_TIMEOUT } from './fixture.ts';
import { CHART, helm } from './helm.ts';
import { nodeObstacle, startNode, type TestNode } from './node.ts';
import { World } from './world.ts';

const NAME = 'gsm8k-equations';
const SYSTEM = 'cft-system';
const TEAM = 'cft-team';

const obstacle = !hasCluster ? '`npm run setup:cluster`' : !hasBase() ? 'a Debian' : nodeObstacle();

describe.skipIf(obstacle !== undefined)(`the example on a real node${obstacle ? ` (needs ${obstacle})` : ''}`, () => {
  let directory: string;
  let volume: string;
  let home: string;
  let cluster: TestCluster;
  let node: TestNode;
  let system: World;
  let team: World;
  let local: Promise<LocalRun>;

  beforeAll(async () => {
    await provideBinaries();
    directory = mkdtempSync(join(tmpdir(), 'cft-e2e-'));
    [volume, home] = ['volume', 'local'].map((name) => join(directory, name)) as [string, string];
    for (const folder of [volume, home]) mkdirSync(folder);
    local = runLocally(home, reducedExample());
    const archives = [join(directory, 'operator.tar'), join(directory, 'trainer.tar')] as const;
    await buildImage('operator', archives[0]);
    await buildImage('trainer', archives[1]);
    cluster = await startCluster('none');
    node = await startNode(cluster, archives, { 'nvidia.com/gpu': '2' });
    for (const archive of archives) rmSync(archive);
    [system, team] = [SYSTEM, TEAM].map((name) => new World(cluster.kubeconfig, name)) as [World, World];
    for (const name of [SYSTEM, TEAM]) {
      system.kubectl(['create', 'namespace', name]);
      system.kubectl(['label', 'namespace', name, 'pod-security.kubernetes.io/enforce=restricted']);
    }
    for (const object of localStorage(volume, node.name)) system.create(object);
  }, START_TIMEOUT);

  afterEach(({ task }) => {
    if (task.result?.state !== 'fail') return;
    const said = (world: World, ...args: string[]) => console.error(world.kubectl(args));
    said(system, 'logs', 'deployment/cft-operator', '--tail=50');
    said(system, 'describe', 'pods');
    said(team, 'describe', 'cftruns,pods');
  });

  afterAll(async () => {
    await node?.stop();
    await cluster?.stop();
    await local;
    rmSync(directory, { recursive: true, force: true });
  });

  const hasEnded = async () => (await team.run(NAME)).status?.completionTime !== undefined;
  /** A pod of a kind of stage that runs, when there is one. */
  const runningPod = async (kind: string): Promise<Pod> => {
    let found: Pod | undefined;
    await team.until(`a pod runs ${kind}`, async () => {
      const pods = (await team.pods(NAME)).filter(({ metadata }) => metadata.labels?.[LABEL.kind] === kind);
      found = pods.find((pod) => trainerState(pod).running !== undefined);
      return found !== undefined || (await hasEnded());
    });
    if (found === undefined) throw new Error(`no pod was seen that ran ${kind}`);
    return found;
  };
  /** Empty while the pod's process starts. */
  const metricsOf = async ({ status }: Pod, port: number) => {
    const { podIP } = status as { podIP: string };
    return fetch(`http://${podIP}:${port}/metrics`).then(
      (response) => response.text(),
      () => '',
    );
  };
  const operatorMetrics = async () => {
    const list = JSON.parse(
      system.kubectl(['get', 'pods', '-l', 'app.kubernetes.io/component=operator', '-o', 'json']),
    );
    return metricsOf(list.items[0], 8080);
  };

  test('helm installs the operator where only restricted pods may run', async () => {
    await helm(['install', 'cft', CHART, '-n', SYSTEM, '--wait', '--timeout=90s'], cluster.kubeconfig);
    expect(system.kubectl(['get', 'pods', '--no-headers'])).toMatch(/^cft-operator-\S+ +1\/1 +Running +0 /);
    expect(await operatorMetrics()).toMatch(/^leader_election_master_status\{.*\} 1$/m);
    expect(await helm(['test', 'cft', '-n', SYSTEM, '--timeout=60s'], cluster.kubeconfig)).toMatch(
      /Phase:\s+Succeeded/,
    );
  });

  test('a Job of the example fills the volume, and the run goes through real pods to its end', {
    timeout: 600_000,
  }, async () => {
    team.kubectl(['apply', '-f', join(EXAMPLE, 'volume.yaml')]);
    team.kubectl(['wait', '--for=condition=complete', `job/${NAME}-data`, '--timeout=120s']);
    const watch = watchRuns(team);
    team.create(reducedExample());

    const pod = await runningPod('annotate');
    await team.until('its metrics tell of rollouts', async () =>
      /^cft_annotate_rollouts_total\{.*\} [1-9]/m.test(await metricsOf(pod, 9090)),
    );
    const look = 'id -u; ls /var/run/secrets 2>&1; touch /opt/cft/x 2>&1; tr "\\0" " " < /proc/1/cmdline';
    const seen = team.kubectl(['exec', pod.metadata.name, '--', 'sh', '-c', look]);
    expect(seen).toMatch(
      /^65532\n.*No such file.*\n.*Read-only file system\n.*node .*cft\.ts annotate --stage \/etc\/cft/,
    );

    await runningPod('train');
    system.kubectl(['delete', 'pod', '-l', 'app.kubernetes.io/component=operator']);
    await team.until('it has ended', hasEnded, { seconds: 400 });
    const lines = watch.stop();
    expect(lines.filter((line) => line.includes('Running')).length).toBeGreaterThan(3);
    expect(lines.at(-1)).toMatch(/^gsm8k-equations +Succeeded +100% +0\.\d{4} +0\.\d{4} /);
  });

  test('its results, annotations and models are those of a local run, to the byte', async () => {
    const { status, stages } = await local;
    expect(status).toBe('succeeded');
    expect(stages['train-cft-lr1e-4-s0']?.metrics.bestStep).toBeGreaterThan(0);
    // What is left out tells of times and places.
    const told = /^(run\.json|report\/.*|stages\/.*|train\/[^/]+\/result\.json)$/;
    const others = differences(join(home, NAME), join(volume, NAME)).filter((path) => !told.test(path));
    expect(others).toEqual([]);
    for (const [name, { metrics }] of Object.entries(stages)) {
      const result = JSON.parse(readFileSync(join(volume, NAME, 'stages', name, 'result.json'), 'utf8'));
      expect({ name, metrics: result.metrics }).toEqual({ name, metrics });
    }
    const results = new Map((await team.run(NAME)).status?.results?.map(({ name, value }) => [name, value]));
    for (const variant of ['base', 'sft', 'cft']) {
      const { accuracy, entropy } = stages[`evaluate-${variant}`]?.metrics ?? {};
      const shown = {
        accuracy: results.get(`${variant}/test/accuracy`),
        entropy: results.get(`${variant}/test/entropy`),
      };
      expect(shown).toEqual({ accuracy: String(accuracy), entropy: String(entropy) });
    }
  });

  test('events, conditions and logs tell what happened', async () => {
    const events = team.kubectl(['events', '--for', `cftrun/${NAME}`, '--no-headers']);
    const told = events
      .trim()
      .split('\n')
      .map((line) => line.trim().split(/ {2,}/).slice(1));
    // What happens within a second is in no order.
    for (const what of ['generate starts, 2 shards', 'evaluate-base starts'])
      expect(told.slice(0, 2)).toContainEqual(['Normal', 'StageStarted', `CftRun/${NAME}`, what]);
    // Two GPUs are there, and three pods want one at once.
    expect(events).toMatch(/Warning +Unschedulable .*Insufficient nvidia\.com\/gpu/);
    expect(told.slice(-2)).toContainEqual(['Normal', 'RunSucceeded', `CftRun/${NAME}`, 'all stages have succeeded']);
    const described = team.kubectl(['describe', 'cftrun', NAME]);
    expect(described).toMatch(/Message: +all stages have succeeded\n.*\n +Reason: +StagesSucceeded\n +Status: +True/);
    expect(team.kubectl(['logs', '-l', `${LABEL.run}=${NAME},${LABEL.kind}=report`])).toContain('report/index.html');
  });

  test('report and models are copied out of the volume', () => {
    team.kubectl(['apply', '-f', join(EXAMPLE, 'files.yaml')]);
    team.kubectl(['wait', '--for=condition=Ready', `pod/${NAME}-files`, '--timeout=60s']);
    team.kubectl(['cp', `${NAME}-files:/storage/${NAME}/train`, join(directory, 'train')]);
    expect(differences(join(directory, 'train'), join(volume, NAME, 'train'))).toEqual([]);
    team.kubectl(['delete', 'pod', `${NAME}-files`]);
  });

  test('deleted, it takes its children along and leaves the volume', async () => {
    team.kubectl(['delete', 'cftrun', NAME, '--timeout=60s']);
    const children = async () => [
      ...(await team.jobs(NAME)),
      ...(await team.pods(NAME)),
      ...(await team.configMaps(NAME)),
    ];
    await team.until('its children are gone', async () => (await children()).length === 0);
    expect(await operatorMetrics()).not.toContain(`run="${NAME}"`);
    expect(team.kubectl(['get', 'persistentvolumeclaim', NAME, '--no-headers'])).toContain('Bound');
    expect(readFileSync(join(volume, NAME, 'report/index.html'), 'utf8')).toContain('<html');
  });
});

/** The lines of `kubectl get cftruns --watch`, from now until it is stopped. */
function watchRuns(world: World): { stop(): string[] } {
  const args = ['--kubeconfig', world.kubeconfig, '-n', world.namespace, 'get', 'cftruns', '--watch', '--no-headers'];
  const child = spawn(join(binariesDirectory(), 'kubectl'), args, { stdio: ['ignore', 'pipe', 'ignore'] });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  return {
    stop() {
      child.kill();
      return output.trimEnd().split('\n');
    },
  };
}
