import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Stage, StageResult } from '../../crds/stage.ts';
import { LABEL } from '../../operator/jobs/names.ts';
import type { Pod } from '../../operator/kube/objects.ts';
import { CFT_RUNS, JOBS } from '../../operator/kube/resources.ts';
import { conditionOf } from '../../operator/reconcile/conditions.ts';
import { buildBinaries, hasBinaries } from './binaries.ts';
import { startCluster, type TestCluster } from './cluster.ts';
import { crd, OperatorProcess, type Outcome, World } from './world.ts';

// The programs take minutes to build: without them these tests run only if they are asked for.
const asked = process.env.CFT_CLUSTER_TESTS === '1';
const can = asked || hasBinaries();

function manifest(name: string, more: object = {}) {
  return {
    apiVersion: 'cft.dev/v1alpha1',
    kind: 'CftRun',
    metadata: { name },
    spec: {
      model: { source: 'model' },
      data: { train: { source: 'train.jsonl' } },
      verifier: { type: 'math' },
      annotate: { shards: 2 },
      training: { variants: [{ name: 'cft', objective: 'critical' }] },
      evaluation: { datasets: [{ name: 'test', source: 'test.jsonl' }] },
      storage: { persistentVolumeClaim: { claimName: 'runs' } },
      ...more,
    },
  };
}

const METRICS: Readonly<Record<Stage['kind'], Record<string, number>>> = {
  generate: { questions: 10, correct: 8, accuracy: 0.8 },
  annotate: { responses: 8, tokens: 400, criticalRatio: 0.125, entropy: 0.4, entropyCritical: 0.9, entropyOther: 0.3 },
  train: { validationAccuracy: 0.7, validationLoss: 0.2, tokensTrained: 50 },
  evaluate: { accuracy: 0.75, passAt1: 0.7, passAt8: 0.9, entropy: 0.35 },
  report: {},
};

function result(stage: Stage, more: Partial<StageResult> = {}): StageResult {
  return {
    stage: stage.name,
    kind: stage.kind,
    digest: stage.digest,
    status: 'succeeded',
    startTime: new Date().toISOString(),
    completionTime: new Date().toISOString(),
    metrics: METRICS[stage.kind],
    artifacts: stage.kind === 'report' ? { report: 'report/index.html' } : {},
    ...more,
  };
}

const succeed = (stage: Stage): Outcome => ({ exitCode: 0, result: result(stage) });

describe.skipIf(!can)('the operator on a real API server', () => {
  let cluster: TestCluster;
  let world: World;
  let operator: OperatorProcess;

  beforeAll(async () => {
    if (!hasBinaries()) buildBinaries();
    cluster = await startCluster();
    world = new World(cluster.kubeconfig, 'cft-test');
    world.prepare();
    world.kubectl(['apply', '--server-side', '-f', '-'], crd());
    world.kubectl(['wait', '--for=condition=Established', 'crd/cftruns.cft.dev', '--timeout=60s']);
    operator = new OperatorProcess(cluster.kubeconfig, ['--lease', 'cft-test/cft-operator']);
    await operator.start();
  }, 900_000);

  afterAll(async () => {
    await operator?.stop();
    await cluster?.stop();
  });

  test('a wrong manifest is refused with the path of the field', () => {
    const wrong = manifest('wrong', { annotate: { shards: 0 }, verifier: { type: 'math', pattern: 'x' } });
    expect(() => world.create(wrong)).toThrow(/spec\.annotate\.shards[\s\S]*greater than or equal to 1/);
    expect(() => world.create({ ...wrong, spec: { ...wrong.spec, annotate: {} } })).toThrow(
      /pattern needs type: regex/,
    );
  });

  test('a run goes through all stages to Succeeded, and goes with all its children', async () => {
    world.create(manifest('whole'));
    const run = await world.untilPhase('whole', 'Succeeded', succeed);
    const jobs = (await world.jobs()).filter(({ metadata }) => metadata.labels?.[LABEL.run] === 'whole');
    expect(jobs.map(({ metadata }) => metadata.labels?.[LABEL.stage]).sort()).toEqual([
      'annotate',
      'evaluate-base',
      'evaluate-cft',
      'generate',
      'report',
      'train-cft-lr1e-5-s0',
    ]);
    expect(jobs.find(({ metadata }) => metadata.labels?.[LABEL.stage] === 'annotate')?.status?.completedIndexes).toBe(
      '0,1',
    );
    expect(run.status).toMatchObject({
      observedGeneration: 1,
      progress: '100%',
      criticalRatio: '0.1250',
      accuracy: '0.7500',
      artifacts: [{ name: 'report', path: 'report/index.html' }],
    });
    expect(Object.fromEntries(run.status?.results?.map(({ name, value }) => [name, value]) ?? [])).toMatchObject({
      'generate/questions': '20',
      'annotate/tokens': '800',
      'entropy/critical': '0.9',
      'base/test/accuracy': '0.75',
      'cft/test/passAt8': '0.9',
      'cft-lr1e-5-s0/validationAccuracy': '0.7',
    });
    const reasons = (await world.events('whole')).map(({ reason }) => reason);
    expect(reasons.filter((reason) => reason === 'StageSucceeded')).toHaveLength(6);
    expect(reasons).toContain('RunSucceeded');
    const metrics = await operator.metrics();
    expect(metrics).toContain(
      'cft_eval_accuracy_ratio{namespace="cft-test",run="whole",variant="cft",dataset="test",k="8"} 0.9',
    );
    expect(metrics).toContain('cft_run_condition{namespace="cft-test",run="whole",type="Succeeded",status="true"} 1');
    expect(metrics).toMatch(/leader_election_master_status\{name="cftrun"\} 1/);

    world.kubectl(['delete', 'cftrun', 'whole']);
    const left = async () =>
      [...(await world.jobs()), ...(await world.pods()), ...(await world.configMaps())].filter(
        ({ metadata }) => metadata.labels?.[LABEL.run] === 'whole',
      );
    await world.until('the children are gone', async () => (await left()).length === 0);
    expect(await operator.metrics()).not.toContain('run="whole"');
  });

  test('an operator killed again and again starts nothing twice, and a finished run stays finished', async () => {
    world.create(manifest('killed'));
    const created = new Map<string, string>();
    for (let round = 0; round < 4; round++) {
      await operator.stop('SIGKILL');
      await world.finishPods(succeed);
      await operator.start();
      for (const { metadata } of await world.jobs()) created.set(metadata.uid ?? '', metadata.name);
    }
    const before = await world.untilPhase('killed', 'Succeeded', succeed);
    for (const { metadata } of await world.jobs()) created.set(metadata.uid ?? '', metadata.name);
    const names = [...created.values()].filter((name) => name.startsWith('killed-'));
    expect(names).toHaveLength(6);
    expect(new Set(names).size).toBe(6);
    for (const name of names) await world.remove(JOBS, name);
    await operator.stop('SIGKILL');
    await operator.start();
    await world.until(
      'its Jobs are gone',
      async () => !(await world.jobs()).some(({ metadata }) => metadata.labels?.[LABEL.run] === 'killed'),
    );
    await new Promise((resolve) => setTimeout(resolve, 2000));
    expect((await world.jobs()).filter(({ metadata }) => metadata.labels?.[LABEL.run] === 'killed')).toEqual([]);
    expect((await world.run('killed')).status).toEqual(before.status);
  });

  test('a Job deleted before its end is started once more, and the run goes on', async () => {
    world.create(manifest('robbed'));
    const first = async () =>
      (await world.jobs()).find(
        ({ metadata }) => metadata.labels?.[LABEL.run] === 'robbed' && metadata.labels?.[LABEL.stage] === 'generate',
      );
    await world.until(
      'its first Job is there',
      async () => (await world.run('robbed')).status?.stages?.[0]?.attempts === 1,
    );
    const old = await first();
    await world.remove(JOBS, old?.metadata.name ?? '');
    await world.until('there is a second one', async () => {
      const job = await first();
      return job !== undefined && job.metadata.uid !== old?.metadata.uid;
    });
    expect((await first())?.metadata.labels?.[LABEL.attempt]).toBe('2');
    const run = await world.untilPhase('robbed', 'Succeeded', succeed);
    expect(run.status?.stages?.map(({ name, attempts }) => [name, attempts])).toEqual([
      ['generate-00000', 2],
      ['generate-00001', 2],
      ...['annotate-00000', 'annotate-00001', 'train-cft-lr1e-5-s0', 'evaluate-base', 'evaluate-cft', 'report'].map(
        (name) => [name, 1],
      ),
    ]);
    expect((await world.events('robbed')).map(({ reason }) => reason)).toContain('StageRestarted');
  });

  test('suspend stops the pods and starts none; resume goes on to the end', async () => {
    world.create(manifest('paused'));
    const pods = async () => (await world.pods()).filter(({ metadata }) => metadata.labels?.[LABEL.run] === 'paused');
    await world.until('pods run', async () => (await pods()).some(({ status }) => status?.phase === 'Running'));
    world.kubectl(['patch', 'cftrun', 'paused', '--type=merge', '-p', '{"spec":{"suspend":true}}']);
    await world.until('no pods are left', async () => (await pods()).length === 0);
    const suspended = await world.untilPhase('paused', 'Suspended');
    expect(conditionOf(suspended.status?.conditions, 'Suspended')).toMatchObject({
      status: 'True',
      observedGeneration: 2,
    });
    expect(suspended.status?.stages?.[0]?.phase).toBe('Suspended');
    world.kubectl(['patch', 'cftrun', 'paused', '--type=merge', '-p', '{"spec":{"suspend":false}}']);
    const run = await world.untilPhase('paused', 'Succeeded', succeed);
    expect(conditionOf(run.status?.conditions, 'Suspended')).toMatchObject({ status: 'False', reason: 'Resumed' });
    expect(run.status?.stages?.every(({ attempts }) => attempts === 1)).toBe(true);
  });

  test('a failed shard alone is tried again; when its retries are used up the run fails, and says why', async () => {
    world.create(manifest('failing', { backoffLimit: 1 }));
    const pods = new Set<string>();
    const outcome = (stage: Stage, pod: Pod): Outcome => {
      if (stage.kind === 'generate') pods.add(`${stage.name} ${pod.metadata.uid}`);
      if (stage.name !== 'generate-00001') return succeed(stage);
      const message = 'DiskFull: no room left in the volume';
      return { exitCode: 1, result: result(stage, { status: 'failed', message, metrics: {} }) };
    };
    const run = await world.untilPhase('failing', 'Failed', outcome);
    const failed = conditionOf(run.status?.conditions, 'Failed');
    expect(failed).toMatchObject({ status: 'True', reason: 'BackoffLimitExceeded' });
    expect(failed?.message).toContain('generate-00001: DiskFull: no room left in the volume');
    expect([...pods].map((name) => name.split(' ')[0]).sort()).toEqual([
      'generate-00000',
      'generate-00001',
      'generate-00001',
    ]);
    const events = await world.events('failing');
    expect(events.filter(({ reason }) => reason === 'PodFailed')).toHaveLength(2);
    expect(events.find(({ reason }) => reason === 'RunFailed')?.note).toContain('no room left');
    expect(
      (await world.jobs())
        .filter(({ metadata }) => metadata.labels?.[LABEL.run] === 'failing')
        .map(({ metadata }) => metadata.labels?.[LABEL.kind]),
    ).not.toContain('annotate');
  });

  test('bad input is not tried again', async () => {
    world.create(manifest('hopeless'));
    const outcome = (stage: Stage): Outcome =>
      stage.kind === 'generate'
        ? {
            exitCode: 2,
            result: result(stage, {
              status: 'failed',
              message: 'FileNotFound: config.json does not exist',
              metrics: {},
            }),
          }
        : succeed(stage);
    const run = await world.untilPhase('hopeless', 'Failed', outcome);
    expect(conditionOf(run.status?.conditions, 'Failed')?.message).toContain('FileNotFound');
    expect((await world.events('hopeless')).filter(({ reason }) => reason === 'PodFailed').length).toBeLessThanOrEqual(
      2,
    );
  });

  test('a pod that finds no GPU shows in a condition, in the words of the scheduler', async () => {
    world.create(manifest('hungry', { pods: { resources: { limits: { 'nvidia.com/gpu': 9 } } } }));
    const pending = async () => conditionOf((await world.run('hungry')).status?.conditions, 'PodsPending');
    await world.until('the condition is there', async () => (await pending())?.status === 'True');
    expect(await pending()).toMatchObject({ reason: 'Unschedulable' });
    expect((await pending())?.message).toContain('Insufficient nvidia.com/gpu');
    world.kubectl(['delete', 'cftrun', 'hungry']);
  });

  test('a run without a volume waits, and says what is missing', async () => {
    world.create(manifest('homeless', { storage: { path: './runs' } }));
    await world.until(
      'it says so',
      async () =>
        conditionOf((await world.run('homeless')).status?.conditions, 'Accepted')?.reason === 'StorageRequired',
    );
    world.create(manifest('homeless'));
    await world.untilPhase('homeless', 'Succeeded', succeed);
  });

  test('a run past its deadline fails and its pods stop; a finished run goes after its time to live', async () => {
    world.create(manifest('late', { activeDeadlineSeconds: 3, ttlSecondsAfterFinished: 3 }));
    const run = await world.untilPhase('late', 'Failed');
    expect(conditionOf(run.status?.conditions, 'Failed')?.reason).toBe('DeadlineExceeded');
    await world.until('it is gone', async () => !(await world.exists(CFT_RUNS, 'late')));
  });

  test('SIGTERM ends the operator at once, and the next one leads without waiting for the lease to run out', async () => {
    expect(await operator.stop('SIGTERM')).toBe(0);
    const since = performance.now();
    await operator.start();
    expect(performance.now() - since).toBeLessThan(12_000);
  });
});
