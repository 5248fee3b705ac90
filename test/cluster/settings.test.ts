import { createServer } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LABEL } from '../../operator/jobs/names.ts';
import { METRICS_PORT } from '../../operator/jobs/pod.ts';
import type { KubeObject } from '../../operator/kube/objects.ts';
import { CFT_RUNS, CLAIMS } from '../../operator/kube/resources.ts';
import { conditionOf } from '../../operator/reconcile/conditions.ts';
import type { TestCluster } from './cluster.ts';
import { FaultProxy } from './fault-proxy.ts';
import { hasCluster, START_TIMEOUT, startWorld } from './fixture.ts';
import { OperatorProcess } from './operator-process.ts';
import { GROUPS, manifest, succeed } from './runs.ts';
import type { World } from './world.ts';

const TEMPLATE = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, storageClassName: '' };

/** What of a pod's spec tells of its volumes. */
interface MountingSpec {
  readonly volumes: readonly {
    readonly name: string;
    readonly persistentVolumeClaim?: { readonly claimName: string; readonly readOnly?: boolean };
  }[];
  readonly containers: readonly {
    readonly volumeMounts: readonly {
      readonly name: string;
      readonly mountPath: string;
      readonly readOnly?: boolean;
    }[];
  }[];
}

describe.skipIf(!hasCluster)('what a manifest sets, on a real API server', { concurrent: true }, () => {
  let cluster: TestCluster;
  let world: World;
  let proxy: FaultProxy;
  let operator: OperatorProcess;

  beforeAll(async () => {
    ({ cluster, world } = await startWorld('cft-settings'));
    proxy = await FaultProxy.start(cluster.kubeconfig);
    operator = new OperatorProcess(proxy.kubeconfig, ['--progress-seconds', '1']);
    await operator.start();
  }, START_TIMEOUT);

  afterAll(async () => {
    await operator?.stop('SIGTERM');
    await proxy?.close();
    await cluster?.stop();
  });

  const condition = async (run: string, type: 'PodsPending' | 'Accepted') =>
    conditionOf((await world.run(run)).status?.conditions, type);
  const pendingReason = async (run: string) => {
    const pending = await condition(run, 'PodsPending');
    return pending?.status === 'True' ? pending.reason : undefined;
  };
  const statusWrites = (run: string) =>
    proxy.requests.filter(({ method, path }) => method === 'PATCH' && path.includes(`/cftruns/${run}/status`)).length;

  test('a wrong manifest is refused with the path of the field', () => {
    const wrong = manifest('wrong', { annotate: { shards: 0 }, verifier: { type: 'math', pattern: 'x' } });
    expect(() => world.create(wrong)).toThrow(/spec\.annotate\.shards[\s\S]*greater than or equal to 1/);
    expect(() => world.create({ ...wrong, spec: { ...wrong.spec, annotate: {} } })).toThrow(
      /pattern needs type: regex/,
    );
    const both = { persistentVolumeClaim: { claimName: 'runs', template: TEMPLATE } };
    expect(() => world.create(manifest('wrong', { storage: both }))).toThrow(
      /spec\.storage\.persistentVolumeClaim: [\s\S]*exactly one of claimName and template/,
    );
  });

  test('kubectl explain says what a field is', () => {
    const text = world.kubectl(['explain', 'cftrun.spec.storage.persistentVolumeClaim']);
    expect(text).toMatch(/claimName\s+<string>\s+Name of an existing claim/);
    expect(text).toMatch(/template\s+<Object>\s+A claim that the operator makes for this run alone/);
  });

  test('what the stages are made of is fixed once a run has started; how they are carried out is not', async () => {
    const patch = (spec: object) =>
      world.kubectl(['patch', 'cftrun', 'fixed', '--type=merge', '-p', JSON.stringify({ spec })]);
    world.create(manifest('fixed', { suspend: true }));
    patch({ model: { source: 'other' }, suspend: false });
    await world.until('it has started', async () => (await world.run('fixed')).status?.startTime !== undefined);
    expect(() => patch({ model: { source: 'third' } })).toThrow(
      /spec\.model: .*cannot change once the run has started/,
    );
    expect(() => patch({ storage: { persistentVolumeClaim: { claimName: 'new' } } })).toThrow(/spec\.storage: /);
    expect(() => patch({ training: { variants: [{ name: 'b', objective: 'all' }] } })).toThrow(/spec\.training: /);
    patch({ backoffLimit: 7, activeDeadlineSeconds: 900, ttlSecondsAfterFinished: 900, pods: { image: 'new:1' } });
    patch({ suspend: true });
    world.kubectl(['delete', 'cftrun', 'fixed']);
  });

  test('a running pod is asked how far it is, which shows, and costs few writes', async () => {
    // Every address of the loopback net is this machine: the pod gets one where this server answers.
    const address = '127.0.42.1';
    let report: object = { stage: 'evaluate-base', ratio: 0.25, etaSeconds: 125.4 };
    const pod = createServer((_, response) => response.end(JSON.stringify(report)));
    await new Promise<void>((resolve, reject) => pod.once('error', reject).listen(METRICS_PORT, address, resolve));
    try {
      world.create(manifest('watched'));
      const found = async () =>
        (await world.pods('watched')).find(
          ({ metadata, status }) =>
            metadata.labels?.['cft.dev/stage'] === 'evaluate-base' && status?.phase === 'Running',
        );
      await world.until('its pod runs', async () => (await found()) !== undefined);
      const target = await found();
      if (target !== undefined) await world.setPodStatus(target, { podIP: address, podIPs: [{ ip: address }] });
      const stage = async () =>
        (await world.run('watched')).status?.stages?.find(({ name }) => name === 'evaluate-base');
      await world.until('its progress is there', async () => (await stage())?.progress === 0.25);
      expect(await stage()).toMatchObject({ phase: 'Running', etaSeconds: 125 });
      expect((await world.run('watched')).status).toMatchObject({ eta: '2 min 5 s', progress: '3%' });
      const columns = world.kubectl(['get', 'cftrun', 'watched']).split('\n');
      expect(columns[0]).toMatch(/PHASE +STAGE +PROGRESS +ETA +CRITICAL +ACCURACY/);
      expect(columns[1]).toMatch(/Running +generate,evaluate +3% +2 min 5 s/);

      const phases = async () => (await world.run('watched')).status?.stages?.map(({ phase }) => phase) ?? [];
      const allRun = async () => (await phases()).filter((phase) => phase === 'Running').length === 3;
      await world.until('the others run too', allRun);
      const before = statusWrites('watched');
      for (const ratio of [0.252, 0.254, 0.256, 0.6]) {
        report = { stage: 'evaluate-base', ratio, etaSeconds: 60 };
        await new Promise((resolve) => setTimeout(resolve, 1100));
      }
      await world.until('the step is there', async () => (await stage())?.progress === 0.6);
      expect(statusWrites('watched') - before).toBe(1);
    } finally {
      await new Promise((resolve) => pod.close(resolve));
    }
  });

  test('a pod that finds no GPU shows in a condition, in the words of the scheduler', async () => {
    world.create(manifest('hungry', { pods: { resources: { limits: { 'nvidia.com/gpu': 9 } } } }));
    await world.until('it says so', async () => (await pendingReason('hungry')) === 'Unschedulable');
    expect((await condition('hungry', 'PodsPending'))?.message).toContain('Insufficient nvidia.com/gpu');
    const told = (await world.events('hungry', ['Unschedulable'])).find(({ reason }) => reason === 'Unschedulable');
    expect(told).toMatchObject({ type: 'Warning', note: expect.stringContaining('Insufficient nvidia.com/gpu') });
  });

  test('a claim that is not there shows in a condition, without a hot loop; made later, the run goes on', async () => {
    world.create(manifest('unhoused', { storage: { persistentVolumeClaim: { claimName: 'later' } } }));
    await world.until('it says so', async () => (await pendingReason('unhoused')) === 'Unschedulable');
    expect((await condition('unhoused', 'PodsPending'))?.message).toContain('persistentvolumeclaim "later" not found');
    const refused = async () =>
      (await world.pods('unhoused')).filter(({ status }) =>
        status?.conditions?.some(({ status: is }) => is === 'False'),
      );
    await world.until('the scheduler has looked at all its pods', async () => (await refused()).length === 3);
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const before = proxy.requests.length;
    await new Promise((resolve) => setTimeout(resolve, 3000));
    expect(proxy.requests.slice(before).filter(({ path }) => path.includes('unhoused'))).toEqual([]);
    world.makeVolume('later');
    await world.untilPhase('unhoused', 'Succeeded', succeed);
    expect((await condition('unhoused', 'PodsPending'))?.status).toBe('False');
  });

  test('a model on another claim is mounted read-only where it is read; until the claim is there, the run says so', async () => {
    const bad = { model: { source: 'pvc://Library/tiny' } };
    expect(() => world.create(manifest('reading', bad))).toThrow(/spec\.model\.source: .*must be pvc:\/\/claim\/path/);
    world.create(manifest('reading', { model: { source: 'pvc://library/models/tiny' } }));
    await world.until('it says so', async () => (await pendingReason('reading')) === 'Unschedulable');
    expect((await condition('reading', 'PodsPending'))?.message).toContain('persistentvolumeclaim "library" not found');
    world.makeVolume('library');
    const models = new Set<unknown>();
    await world.untilPhase('reading', 'Succeeded', (stage) => {
      if ('model' in stage.params) models.add(stage.params.model.source);
      return succeed(stage);
    });
    expect([...models]).toEqual(['/claims/library/models/tiny']);
    const mounted = (await world.pods('reading')).map(({ metadata, spec }) => {
      const { volumes, containers } = spec as unknown as MountingSpec;
      const names = volumes.filter(
        ({ persistentVolumeClaim: claim }) => claim?.claimName === 'library' && claim.readOnly,
      );
      const paths = containers.flatMap(({ volumeMounts }) =>
        volumeMounts.filter(({ name, readOnly }) => readOnly && names.some((volume) => volume.name === name)),
      );
      return [metadata.labels?.[LABEL.stage], ...paths.map(({ mountPath }) => mountPath)];
    });
    const groups = GROUPS.map((group) => (group === 'report' ? [group] : [group, '/claims/library']));
    // Two shards each of generate and annotate.
    expect(new Set(mounted.map(String))).toEqual(new Set(groups.map(String)));
  });

  test.each([
    ['CreateContainerConfigError', 'CreateContainerConfigError', 'secret "hub" not found'],
    ['ErrImagePull', 'ImagePullBackOff', 'its image cannot be pulled'],
  ])('the kubelet says %s: condition and event say %s', async (waiting, reason, message) => {
    const name = `stuck-${reason.toLowerCase()}`;
    world.create(manifest(name, { pods: { image: 'held:test' } }));
    const found = async () => (await world.pods(name)).find(({ spec }) => spec?.nodeName !== undefined);
    await world.until('a pod is scheduled', async () => (await found()) !== undefined);
    const pod = await found();
    const state = { waiting: { reason: waiting, message: 'secret "hub" not found' } };
    if (pod !== undefined) await world.setPodStatus(pod, { containerStatuses: [{ name: 'trainer', state }] });
    await world.until('it says so', async () => (await pendingReason(name)) === reason);
    expect((await condition(name, 'PodsPending'))?.message).toBe(`${pod?.metadata.name}: ${message}`);
    const events = (await world.events(name, [reason])).filter((event) => event.reason === reason);
    expect(events.map(({ note }) => note)).toEqual([`${pod?.metadata.name}: ${message}`]);
  });

  test.each([
    ['Delete', false],
    ['Retain', true],
  ])('a claim made for a run, whenDeleted %s', async (whenDeleted, remains) => {
    const name = `claiming-${whenDeleted.toLowerCase()}`;
    world.create(manifest(name, { storage: { persistentVolumeClaim: { template: { ...TEMPLATE, whenDeleted } } } }));
    await world.until('it says which', async () => (await world.run(name)).status?.claimName !== undefined);
    const claimName = (await world.run(name)).status?.claimName ?? '';
    const claim = await world.client.get<KubeObject>(CLAIMS, world.namespace, claimName);
    expect(claim).toMatchObject({ spec: TEMPLATE, metadata: { labels: { 'cft.dev/run': name } } });
    world.makeVolume(claimName, { claim: false });
    await world.untilPhase(name, 'Succeeded', succeed);
    world.kubectl(['delete', 'cftrun', name]);
    await world.until('its Jobs are gone', async () => (await world.jobs(name)).length === 0);
    if (remains) expect(await world.exists(CLAIMS, claimName)).toBe(true);
    else await world.until('its claim is gone', async () => !(await world.exists(CLAIMS, claimName)));
  });

  test('a run without a volume waits, and says what is missing', async () => {
    world.create(manifest('homeless', { storage: { path: './runs' } }));
    const says = async () => (await condition('homeless', 'Accepted'))?.reason === 'StorageRequired';
    await world.until('it says so', says);
    world.create(manifest('homeless'));
    await world.untilPhase('homeless', 'Succeeded', succeed);
    expect(await world.exists(CFT_RUNS, 'homeless')).toBe(true);
  });
});
