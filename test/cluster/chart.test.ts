import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CFT_RUNS } from '../../operator/kube/resources.ts';
import { may, rightsOf, userOf } from './access.ts';
import { provideBinaries } from './binaries.ts';
import { startCluster, type TestCluster } from './cluster.ts';
import { hasCluster, START_TIMEOUT } from './fixture.ts';
import { ALL_ON, render } from './helm.ts';
import { hasMonitoringCrds, monitoringCrds } from './monitoring-crds.ts';
import { Release } from './release.ts';
import { manifest, succeed } from './runs.ts';
import { World } from './world.ts';

const SYSTEM = 'cft-system';
const TEAM = 'cft-team';
const OTHER = 'cft-other';

/** All that the operator may do where it looks after runs; its Lease apart. */
const RIGHTS = [
  'batch/jobs: get list watch create patch delete',
  'cft.dev/cftruns/finalizers: update',
  'cft.dev/cftruns/status: patch',
  'cft.dev/cftruns: list watch delete',
  'core/configmaps: create',
  'core/persistentvolumeclaims: create',
  'core/pods: list watch',
  'events.k8s.io/events: create',
];
/** And in the namespace of its release. */
const LEASE_RIGHTS = (name: string) => [
  `coordination.k8s.io/leases ${name}: get update`,
  'coordination.k8s.io/leases: create',
];

const TEMPLATE = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, storageClassName: '' };

describe.skipIf(!hasCluster)('the chart on a real API server', () => {
  let cluster: TestCluster;
  let system: World;
  let team: World;
  let cft: Release;
  let small: Release;

  beforeAll(async () => {
    await provideBinaries();
    cluster = await startCluster();
    system = new World(cluster.kubeconfig, SYSTEM);
    team = new World(cluster.kubeconfig, TEAM);
    team.prepare();
    for (const name of [SYSTEM, OTHER]) system.kubectl(['create', 'namespace', name]);
    for (const name of [SYSTEM, TEAM])
      system.kubectl(['label', 'namespace', name, 'pod-security.kubernetes.io/enforce=restricted']);
    cft = new Release('cft', system);
    small = new Release('small', system);
  }, START_TIMEOUT);

  afterAll(async () => {
    for (const release of [cft, small]) release?.close();
    await cluster?.stop();
  });

  /** What a ServiceAccount may do in a namespace, apart from what everyone may. */
  const rights = (account: string, namespace: string) => {
    const everyone = rightsOf(system, userOf(OTHER, 'default'), namespace);
    return rightsOf(system, userOf(SYSTEM, account), namespace).filter((right) => !everyone.includes(right));
  };
  const inAllNamespaces = (kind: string) => system.kubectl(['get', kind, '-A', '-o', 'name']);

  test('installs into a namespace with the restricted level, CRD included', async () => {
    expect(await cft.install()).toContain('looks after all namespaces');
    expect(system.kubectl(['get', 'crd', 'cftruns.cft.dev', '-o', 'jsonpath={.metadata.annotations}'])).toContain(
      '"helm.sh/resource-policy":"keep"',
    );
    system.kubectl(['wait', '--for=condition=Established', 'crd/cftruns.cft.dev']);
    expect(await system.client.send('GET', '/apis/cft.dev/v1alpha1')).toMatchObject({ kind: 'APIResourceList' });
  });

  test('the operator may do what it needs in all namespaces, and nothing else', () => {
    expect(rights('cft-operator', TEAM)).toEqual(RIGHTS);
    expect(rights('cft-operator', SYSTEM)).toEqual([...RIGHTS, ...LEASE_RIGHTS('cft-operator')].sort());
    const operator = userOf(SYSTEM, 'cft-operator');
    expect(may(system, operator, 'create', 'jobs', TEAM)).toBe(true);
    for (const [verb, resource] of [
      ['get', 'secrets'],
      ['list', 'secrets'],
      ['create', 'pods'],
      ['create', 'pods/exec'],
      ['update', 'cftruns'],
      ['get', 'nodes'],
      ['impersonate', 'users'],
    ] as const)
      expect(may(system, operator, verb, resource, TEAM), `${verb} ${resource}`).toBe(false);
  });

  test('with no other rights it carries runs to their end, makes claims, suspends, ends late ones and deletes old ones', async () => {
    const operator = cft.operator();
    await operator.start();
    try {
      const storage = { persistentVolumeClaim: { template: TEMPLATE } };
      team.create(manifest('whole', { storage, ttlSecondsAfterFinished: 2 }));
      team.create(manifest('late', { activeDeadlineSeconds: 2 }));
      const claimName = async () => (await team.run('whole')).status?.claimName;
      await team.until('it has a claim', async () => (await claimName()) !== undefined);
      team.makeVolume((await claimName()) ?? '', { claim: false });
      const suspend = (on: boolean) =>
        team.kubectl(['patch', 'cftrun', 'whole', '--type=merge', '-p', JSON.stringify({ spec: { suspend: on } })]);
      suspend(true);
      await team.untilPhase('whole', 'Suspended');
      suspend(false);
      await team.until('it has ended and is gone', async () => !(await team.exists(CFT_RUNS, 'whole')), {
        meanwhile: () => team.finishPods('whole', succeed),
      });
      await team.untilPhase('late', 'Failed');
      expect((await team.events('late', ['RunFailed'])).map(({ reason }) => reason)).toContain('RunFailed');
      expect((await team.events('whole', ['RunSucceeded'])).map(({ reason }) => reason)).toContain('RunSucceeded');
      expect((await operator.ask('/metrics')).text).not.toContain('code="403"');
      expect(await cft.check()).toMatch(/^the API serves CftRuns, and .+ leads\n$/);
    } finally {
      await operator.stop('SIGTERM');
    }
  });

  test('helm test runs its pod, which the restricted level admits', async () => {
    const tested = cft.helm('test', ['cft', '--timeout=60s']);
    const pod = 'cft-operator-test';
    await system.until('its pod is there', async () => system.kubectl(['get', 'pods', '-o', 'name']).includes(pod));
    system.kubectl(['annotate', 'pod', pod, 'cft.test/exit-code=0']);
    expect(await tested).toMatch(/Phase:\s+Succeeded/);
  });

  test("the cluster's own roles view and edit include runs", async () => {
    for (const role of ['view', 'edit'])
      system.kubectl(['create', 'rolebinding', role, `--clusterrole=${role}`, `--user=${role}er`, '-n', OTHER]);
    const onRuns = (user: string) => rightsOf(system, user, OTHER).filter((right) => right.startsWith('cft.dev/'));
    const view = ['cft.dev/cftruns/status: get list watch', 'cft.dev/cftruns: get list watch'];
    const edit = 'cft.dev/cftruns: create update patch delete deletecollection';
    await system.until('the roles are put together', async () => onRuns('editer').includes(edit));
    expect(onRuns('viewer')).toEqual(view);
    expect(onRuns('editer').sort()).toEqual([...view, edit].sort());
  });

  test('upgrade and rollback change the operator and leave the runs', async () => {
    team.create(manifest('kept', { suspend: true }));
    const before = await team.run('kept');
    await cft.install({ replicas: 2, 'podDisruptionBudget.enabled': true, logLevel: 'debug' });
    expect(cft.deployment().spec.replicas).toBe(2);
    expect(cft.deployment().spec.template.spec.containers[0]?.args).toContain('--log-level=debug');
    expect(system.kubectl(['get', 'pdb', '-o', 'name'])).toContain('cft-operator');
    await cft.helm('rollback', ['cft', '1', '--wait', '--timeout=90s']);
    expect(cft.deployment().spec.replicas).toBe(1);
    expect(system.kubectl(['get', 'pdb', '-o', 'name'])).toBe('');
    expect(await team.run('kept')).toEqual(before);
  });

  test.skipIf(!hasMonitoringCrds)(
    'with all switches on, the API server takes its monitors, rules and all else',
    async () => {
      for (const file of monitoringCrds()) system.kubectl(['create', '-f', file]);
      system.kubectl(['wait', '--for=condition=Established', 'crd', '--all']);
      await cft.install(ALL_ON);
      const made = system.kubectl([
        'get',
        'podmonitors,servicemonitors,prometheusrules,networkpolicies,pdb,cm',
        '-o',
        'name',
      ]);
      for (const name of ['podmonitor', 'servicemonitor', 'prometheusrule', 'networkpolicy', 'poddisruptionbudget'])
        expect(made).toContain(name);
      expect(made.match(/^configmap\/cft-operator-dashboard-/gm)).toHaveLength(3);
      // What the CRDs do not know the API server drops.
      for (const object of (await render(ALL_ON)).filter(({ apiVersion }) => apiVersion?.startsWith('monitoring.'))) {
        const stored = JSON.parse(system.kubectl(['get', `${object.kind}`, object.metadata.name, '-o', 'json']));
        expect(stored.spec).toMatchObject(object.spec);
      }
    },
  );

  test('uninstalled, it leaves the CRD and the runs alone; installed again, it takes them over', async () => {
    await cft.helm('uninstall', ['cft', '--wait']);
    expect(await team.exists(CFT_RUNS, 'kept')).toBe(true);
    for (const kind of ['clusterroles', 'clusterrolebindings', 'roles', 'rolebindings', 'serviceaccounts', 'services'])
      expect(inAllNamespaces(kind)).not.toContain('cft-operator');
    await cft.install();
    expect(await team.exists(CFT_RUNS, 'kept')).toBe(true);
  });

  test('a release for one namespace has rights in this one only, and works', async () => {
    const notes = await small.install({ watchNamespace: TEAM, 'crds.enabled': false, 'rbac.userRoles': false });
    expect(notes).toContain(`looks after namespace ${TEAM}`);
    expect(rights('small-operator', TEAM)).toEqual(RIGHTS);
    expect(rights('small-operator', OTHER)).toEqual([]);
    expect(rights('small-operator', SYSTEM)).toEqual(LEASE_RIGHTS('small-operator'));
    expect(inAllNamespaces('clusterroles')).not.toContain('small-');
    const operator = small.operator();
    await operator.start();
    try {
      team.create(manifest('small'));
      await team.untilPhase('small', 'Succeeded', succeed);
      expect((await operator.ask('/metrics')).text).not.toContain('code="403"');
      expect(await small.check()).toContain('leads');
    } finally {
      await operator.stop('SIGTERM');
    }
  });

  test('uninstalled without crds.keep, it takes the CRD and the runs with it', async () => {
    await cft.install({ 'crds.keep': false });
    await cft.helm('uninstall', ['cft', '--wait']);
    expect(inAllNamespaces('crds')).not.toContain('cft.dev');
  });
});
