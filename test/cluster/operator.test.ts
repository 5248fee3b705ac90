import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Stage } from '../../crds/stage.ts';
import { LABEL } from '../../operator/jobs/names.ts';
import type { Pod } from '../../operator/kube/objects.ts';
import { CFT_RUNS, JOBS } from '../../operator/kube/resources.ts';
import { conditionOf } from '../../operator/reconcile/conditions.ts';
import type { TestCluster } from './cluster.ts';
import { hasCluster, START_TIMEOUT, startWorld } from './fixture.ts';
import { OperatorProcess } from './operator-process.ts';
import { fail, GROUPS, manifest, succeed } from './runs.ts';
import type { Outcome, World } from './world.ts';

// All at once: each test has its own run, and waits most of the time.
describe.skipIf(!hasCluster)('the life of a run on a real API server', { concurrent: true }, () => {
  let cluster: TestCluster;
  let world: World;
  let operator: OperatorProcess;

  beforeAll(async () => {
    ({ cluster, world } = await startWorld('cft-test'));
    operator = new OperatorProcess(cluster.kubeconfig);
    await operator.start();
  }, START_TIMEOUT);

  afterAll(async () => {
    await operator?.stop('SIGTERM');
    await cluster?.stop();
  });

  test('a run goes through all stages to Succeeded, and goes with all its children and its metrics', async () => {
    world.create(manifest('whole'));
    const run = await world.untilPhase('whole', 'Succeeded', succeed);
    const jobs = await world.jobs('whole');
    expect(jobs.map(({ metadata }) => metadata.labels?.[LABEL.stage]).sort()).toEqual(GROUPS);
    const annotate = jobs.find(({ metadata }) => metadata.labels?.[LABEL.stage] === 'annotate');
    expect(annotate?.status?.completedIndexes).toBe('0,1');
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
    const reasons = (await world.events('whole', [...GROUPS.map(() => 'StageSucceeded'), 'RunSucceeded'])).map(
      ({ reason }) => reason,
    );
    expect(reasons.filter((reason) => reason === 'StageSucceeded')).toHaveLength(GROUPS.length);
    expect(reasons).toContain('RunSucceeded');
    const { text } = await operator.ask('/metrics');
    const series = 'namespace="cft-test",run="whole"';
    expect(text).toContain(`cft_eval_accuracy_ratio{${series},variant="cft",dataset="test",k="8"} 0.9`);
    expect(text).toContain(`cft_run_condition{${series},type="Succeeded",status="true"} 1`);

    world.kubectl(['delete', 'cftrun', 'whole']);
    const left = async () =>
      (await Promise.all([world.jobs('whole'), world.pods('whole'), world.configMaps('whole')])).flat();
    await world.until('the children are gone', async () => (await left()).length === 0);
    expect((await operator.ask('/metrics')).text).not.toContain('run="whole"');
  });

  test('a Job deleted before its end is started once more, and the run goes on', async () => {
    world.create(manifest('robbed'));
    const job = async () =>
      (await world.jobs('robbed')).find(({ metadata }) => metadata.labels?.[LABEL.stage] === 'generate');
    const isStarted = async () => (await world.run('robbed')).status?.stages?.[0]?.attempts === 1;
    await world.until('its first Job is there', isStarted);
    const old = await job();
    await world.remove(JOBS, old?.metadata.name ?? '');
    const isAnother = async () => ![undefined, old?.metadata.uid].includes((await job())?.metadata.uid);
    await world.until('there is a second one', isAnother);
    expect((await job())?.metadata.labels?.[LABEL.attempt]).toBe('2');
    const run = await world.untilPhase('robbed', 'Succeeded', succeed);
    const attempts = new Map(run.status?.stages?.map((stage) => [stage.name, stage.attempts]));
    expect(attempts.size).toBe(8);
    for (const [name, count] of attempts) expect(count, name).toBe(name.startsWith('generate-') ? 2 : 1);
    expect((await world.events('robbed', ['StageRestarted'])).map(({ reason }) => reason)).toContain('StageRestarted');
  });

  test('suspend stops the pods and starts none; resume goes on to the end', async () => {
    world.create(manifest('paused'));
    const runs = async () => (await world.pods('paused')).some(({ status }) => status?.phase === 'Running');
    await world.until('pods run', runs);
    world.kubectl(['patch', 'cftrun', 'paused', '--type=merge', '-p', '{"spec":{"suspend":true}}']);
    await world.until('no pods are left', async () => (await world.pods('paused')).length === 0);
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
    const pods = new Map<string | undefined, string>();
    const outcome = (stage: Stage, pod: Pod): Outcome => {
      if (stage.kind === 'generate') pods.set(pod.metadata.uid, stage.name);
      return stage.name === 'generate-00001' ? fail(stage, 1, 'DiskFull: no room left in the volume') : succeed(stage);
    };
    const run = await world.untilPhase('failing', 'Failed', outcome);
    const failed = conditionOf(run.status?.conditions, 'Failed');
    expect(failed).toMatchObject({ status: 'True', reason: 'BackoffLimitExceeded' });
    expect(failed?.message).toContain('generate-00001: DiskFull: no room left in the volume');
    expect([...pods.values()].sort()).toEqual(['generate-00000', 'generate-00001', 'generate-00001']);
    const events = await world.events('failing', ['PodFailed', 'PodFailed', 'RunFailed']);
    expect(events.filter(({ reason }) => reason === 'PodFailed')).toHaveLength(2);
    expect(events.find(({ reason }) => reason === 'RunFailed')?.note).toContain('no room left');
    const kinds = (await world.jobs('failing')).map(({ metadata }) => metadata.labels?.[LABEL.kind]);
    expect(kinds).not.toContain('annotate');
  });

  test('bad input is not tried again', async () => {
    world.create(manifest('hopeless'));
    const outcome = (stage: Stage): Outcome =>
      stage.kind === 'generate' ? fail(stage, 2, 'FileNotFound: config.json does not exist') : succeed(stage);
    const run = await world.untilPhase('hopeless', 'Failed', outcome);
    expect(conditionOf(run.status?.conditions, 'Failed')).toMatchObject({
      message: expect.stringContaining('FileNotFound'),
    });
    const failures = (await world.events('hopeless')).filter(({ reason }) => reason === 'PodFailed');
    // Of the two shards' pods the second may be stopped before it ends.
    expect(failures.length).toBeLessThanOrEqual(2);
  });

  test('a run past its deadline fails and its pods stop; a finished run goes after its time to live', async () => {
    world.create(manifest('late', { activeDeadlineSeconds: 3, ttlSecondsAfterFinished: 3 }));
    const run = await world.untilPhase('late', 'Failed');
    expect(conditionOf(run.status?.conditions, 'Failed')?.reason).toBe('DeadlineExceeded');
    await world.until('it is gone', async () => !(await world.exists(CFT_RUNS, 'late')));
  });
});
