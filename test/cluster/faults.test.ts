import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Job } from '../../operator/kube/objects.ts';
import { JOBS, objectPath, PODS } from '../../operator/kube/resources.ts';
import type { TestCluster } from './cluster.ts';
import { type Fault, FaultProxy, type ProxiedRequest } from './fault-proxy.ts';
import { hasCluster, START_TIMEOUT, startWorld } from './fixture.ts';
import { JobHistory } from './job-history.ts';
import { OperatorProcess } from './operator-process.ts';
import { GROUPS, manifest, succeed } from './runs.ts';
import type { World } from './world.ts';

const FIRST_ATTEMPTS = GROUPS.map((group) => `${group}/1`);
const LEASE = ['--lease', 'cft-faults/cft-operator', '--lease-seconds', '3'];

const changes = ({ method, path }: ProxiedRequest) => method !== 'GET' && !path.includes('/leases');
const watches = ({ path }: ProxiedRequest) => path.includes('watch=true');

describe.skipIf(!hasCluster)('whatever breaks, a run ends as it should, with one Job a stage and attempt', () => {
  let cluster: TestCluster;
  let world: World;
  let history: JobHistory;
  let proxy: FaultProxy;
  let operator: OperatorProcess;

  beforeAll(async () => {
    ({ cluster, world } = await startWorld('cft-faults'));
    history = new JobHistory(world.client, world.namespace);
    await history.started;
    proxy = await FaultProxy.start(cluster.kubeconfig);
    operator = new OperatorProcess(proxy.kubeconfig, LEASE);
    await operator.start();
  }, START_TIMEOUT);

  afterEach(async ({ task }) => {
    if (task.result?.state === 'fail') process.stderr.write(operator.log);
    proxy.fault = () => undefined;
    operator.signal('SIGCONT');
    await keepOperator();
    world.kubectl(['delete', 'cftruns', '--all', '--wait=false']);
  });

  afterAll(async () => {
    await operator?.stop('SIGTERM');
    await proxy?.close();
    await history?.stop();
    await cluster?.stop();
  });

  /** As the Deployment does: an operator that ended is started again. */
  const keepOperator = async () => {
    if (operator.hasEnded) await operator.start();
  };

  test('SIGKILL of the operator again and again; what has finished stays so when its Jobs are gone', async () => {
    world.create(manifest('killed'));
    for (let round = 0; round < 3; round++) {
      await operator.stop('SIGKILL');
      await world.finishPods('killed', succeed);
      await operator.start();
    }
    const before = await world.untilPhase('killed', 'Succeeded', succeed);
    expect(history.of('killed')).toEqual(FIRST_ATTEMPTS);
    for (const { metadata } of await world.jobs('killed')) await world.remove(JOBS, metadata.name);
    await operator.stop('SIGKILL');
    // Another version of the operator, too, leaves it alone.
    const upgraded = new OperatorProcess(proxy.kubeconfig, [...LEASE, '--image', 'trainer:next']);
    await upgraded.start();
    await world.until('its Jobs are gone', async () => (await world.jobs('killed')).length === 0);
    world.create({ ...manifest('killed'), metadata: { name: 'killed', labels: { touched: 'yes' } } });
    await sleep(1000);
    expect(history.of('killed')).toEqual(FIRST_ATTEMPTS);
    expect((await world.run('killed')).status).toEqual(before.status);
    expect(await upgraded.stop('SIGTERM')).toBe(0);
    await operator.start();
  });

  test('an upgrade in the middle: what runs goes on as it is, what starts later has the new image', async () => {
    world.create(manifest('upgraded'));
    await world.until('it has started', async () => (await world.pods('upgraded')).length === 3);
    expect(await operator.stop('SIGTERM')).toBe(0);
    const upgraded = new OperatorProcess(proxy.kubeconfig, [...LEASE, '--image', 'trainer:next']);
    await upgraded.start();
    await world.untilPhase('upgraded', 'Succeeded', succeed);
    expect(history.of('upgraded')).toEqual(FIRST_ATTEMPTS);
    const images = (await world.jobs('upgraded')).map((job) => `${groupOf(job)} ${imageOf(job)}`).sort();
    expect(images.map((line) => line.split(' ')[1])).toEqual(
      GROUPS.map((group) => (['generate', 'evaluate-base'].includes(group) ? 'trainer:test' : 'trainer:next')),
    );
    await upgraded.stop('SIGTERM');
    await operator.start();
  });

  test('answers 409, 410, 429, 500 and none at all, to a third of what it asks', async () => {
    const faults: Fault[] = [
      ...[409, 410, 500, 503].map((status) => ({ status })),
      { status: 429, retryAfter: 1 },
      'cut',
      'no answer',
    ];
    let count = 0;
    // Every third request, watches aside, meets the next fault: the same on every machine, as far as requests come in the same order.
    proxy.fault = (request) => {
      if (request.path.includes('/leases') || watches(request)) return undefined;
      count++;
      return count % 3 === 0 ? faults[(count / 3) % faults.length] : undefined;
    };
    world.create(manifest('refused'));
    await world.untilPhase('refused', 'Succeeded', succeed);
    expect(count).toBeGreaterThan(3 * faults.length);
    expect(history.of('refused')).toEqual(FIRST_ATTEMPTS);
    expect(operator.hasEnded).toBe(false);
  });

  test('the API server does what it is asked, and every second answer is lost', async () => {
    let count = 0;
    proxy.fault = (request) => (changes(request) && count++ % 2 === 0 ? 'no answer' : undefined);
    world.create(manifest('unanswered'));
    await world.untilPhase('unanswered', 'Succeeded', succeed);
    expect(history.of('unanswered')).toEqual(FIRST_ATTEMPTS);
  });

  test('watches that are cut, or whose version has expired, again and again', async () => {
    let expired = 0;
    proxy.fault = (request) => (watches(request) && expired++ % 2 === 0 ? 'expired' : undefined);
    world.create(manifest('cut'));
    const meanwhile = async () => {
      proxy.cutAll();
      await world.finishPods('cut', succeed);
      await sleep(700);
    };
    await world.until('it has succeeded', async () => (await world.run('cut')).status?.phase === 'Succeeded', {
      meanwhile,
    });
    expect(expired).toBeGreaterThan(3);
    expect(history.of('cut')).toEqual(FIRST_ATTEMPTS);
  });

  test('a pod deleted, the others evicted from their node: the Job replaces them', async () => {
    world.create(manifest('drained', { backoffLimit: 1 }));
    const running = async () => (await world.pods('drained')).filter(({ status }) => status?.phase === 'Running');
    await world.until('its pods run', async () => (await running()).length === 3);
    const before = (await running()).map(({ metadata }) => metadata.uid);
    await world.cordon('gpu-0', true);
    const [victim, ...evicted] = await running();
    await world.remove(PODS, victim?.metadata.name ?? '');
    for (const pod of evicted) await world.evict(pod);
    await world.until('they are gone', async () => (await running()).length === 0);
    await world.cordon('gpu-0', false);
    await world.until('others run', async () => (await running()).length === 3);
    expect((await running()).filter(({ metadata }) => before.includes(metadata.uid))).toEqual([]);
    const run = await world.untilPhase('drained', 'Succeeded', succeed);
    expect(history.of('drained')).toEqual(FIRST_ATTEMPTS);
    expect(run.status?.stages?.every(({ attempts }) => attempts === 1)).toBe(true);
  });

  test('a leader that was stopped and wakes up writes nothing; the other one has gone on', async () => {
    const other = new OperatorProcess(cluster.kubeconfig, LEASE);
    await other.start('waits to lead');
    world.create(manifest('asleep'));
    await world.until('it has started', async () => (await world.pods('asleep')).length === 3);
    operator.signal('SIGSTOP');
    // While it is stopped, its watches fill with news that it would act on.
    await world.until('the other one leads', async () => other.log.includes('"leads"'), {
      meanwhile: () => world.finishPods('asleep', succeed),
    });
    await world.untilPhase('asleep', 'Succeeded', succeed);
    const before = proxy.requests.length;
    operator.signal('SIGCONT');
    expect(await operator.stop()).toBe(1);
    expect(operator.log).toContain('lost the lease');
    expect(proxy.requests.slice(before).filter(changes)).toEqual([]);
    expect(history.of('asleep')).toEqual(FIRST_ATTEMPTS);
    expect(await other.stop('SIGTERM')).toBe(0);
    await operator.start();
  });

  test('the API server restarts in the middle', async () => {
    world.create(manifest('interrupted'));
    await world.until('it has started', async () => (await world.pods('interrupted')).length === 3);
    await world.finishPods('interrupted', succeed);
    await cluster.restartApiServer(1000);
    await world.until('it has succeeded', async () => (await world.run('interrupted')).status?.phase === 'Succeeded', {
      meanwhile: async () => {
        await keepOperator();
        await world.finishPods('interrupted', succeed);
      },
    });
    expect(history.of('interrupted')).toEqual(FIRST_ATTEMPTS);
  });

  test('SIGTERM gives the lease back, and the next one leads without waiting for its end', async () => {
    expect(await operator.stop('SIGTERM')).toBe(0);
    const lease = await world.client.send<{ spec: object }>(
      'GET',
      objectPath({ base: '/apis/coordination.k8s.io/v1', plural: 'leases' }, 'cft-faults', 'cft-operator'),
    );
    expect(lease.spec).toMatchObject({ holderIdentity: '' });
    await operator.start();
    expect((await operator.ask('/healthz')).status).toBe(200);
    expect((await operator.ask('/readyz')).status).toBe(200);
  });
});

function groupOf({ metadata }: Job): string {
  return metadata.labels?.['cft.dev/stage'] ?? '';
}

function imageOf(job: Job): string {
  const { template } = job.spec as { template: { spec: { containers: { image: string }[] } } };
  return template.spec.containers[0]?.image ?? '';
}
