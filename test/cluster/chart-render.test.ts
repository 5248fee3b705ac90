import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { LABEL, MANAGED_BY } from '../../operator/jobs/names.ts';
import { METRICS_PORT } from '../../operator/jobs/pod.ts';
import { ALL_ON, CHART, hasHelm, helm, only, provideHelm, type Rendered, render, values } from './helm.ts';
import { BUILD_TIMEOUT } from './prometheus.ts';
import { crd } from './world.ts';

const readChart = (path: string) => readFileSync(join(CHART, path), 'utf8');
const podOf = (objects: readonly Rendered[]) => only(objects, 'Deployment').spec.template;

/** Paths of all values below one. A map that the user fills is one value. */
function paths(value: unknown, path = ''): string[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || Object.keys(value).length === 0)
    return [path];
  return Object.entries(value).flatMap(([name, below]) => paths(below, path === '' ? name : `${path}.${name}`));
}

describe.skipIf(!hasHelm)('the chart as Helm renders it', { concurrent: true }, () => {
  beforeAll(provideHelm, BUILD_TIMEOUT);

  test.each([
    ['as it is', {}],
    ['with all switches on', ALL_ON],
    [
      'with all switches off',
      { 'crds.enabled': false, 'rbac.create': false, 'rbac.userRoles': false, 'serviceAccount.create': false },
    ],
  ])('passes helm lint --strict %s', async (_, set) => {
    expect(await helm(['lint', '--strict', CHART, ...values(set)])).toContain('0 chart(s) failed');
  });

  test.each([
    ['a field that there is not', { replica: 2 }, "additional properties 'replica' not allowed"],
    ['one deeper down', { 'trainer.img': 'x' }, "at '/trainer': additional properties 'img' not allowed"],
    ['text for a number', { replicas: 'two' }, "at '/replicas': got string, want integer"],
    ['a number for text', { 'image.tag': 1.1 }, "at '/image/tag': got number, want string"],
    ['a digest that is none', { 'image.digest': 'sha256:12' }, "at '/image/digest'"],
    ['a log level that there is not', { logLevel: 'loud' }, "value must be one of 'debug', 'info', 'warn', 'error'"],
    ['a namespace that can not be', { watchNamespace: 'A_b' }, "at '/watchNamespace'"],
    ['a label that is no text', { 'commonLabels.team': 7 }, "at '/commonLabels/team': got number, want string"],
    ['a ratio over 1', { 'prometheusRule.minimumCriticalRatio': 5 }, "at '/prometheusRule/minimumCriticalRatio'"],
    ['a time that is none', { 'prometheusRule.stuckAfter': 'soon' }, "at '/prometheusRule/stuckAfter'"],
  ])('refuses %s', async (_, set, message) => {
    await expect(render(set)).rejects.toThrow(message);
  });

  test('the schema says of every value what it may be', () => {
    const schema = JSON.parse(readChart('values.schema.json'));
    const known = (path: string) => path.split('.').reduce((at, name) => at?.properties?.[name], schema) !== undefined;
    const all = paths(parse(readChart('values.yaml'))).map((path) =>
      path.replace(/^(resources|dashboards\.labels|podSecurityContext|securityContext)\..*/, '$1'),
    );
    expect(all.filter((path) => !known(path))).toEqual([]);
    const top = Object.keys(schema.properties).filter((name) => name !== 'global');
    expect(top.sort()).toEqual(Object.keys(parse(readChart('values.yaml'))).sort());
  });

  test('the CRD is that of the schema, and can be left out or let go', async () => {
    const inChart = only(await render(), 'CustomResourceDefinition');
    expect(inChart.spec).toEqual(parse(crd()).spec);
    expect(inChart.metadata.annotations).toEqual({ 'helm.sh/resource-policy': 'keep' });
    const kinds = (objects: readonly Rendered[]) => objects.map(({ kind }) => kind);
    expect(kinds(await render({ 'crds.enabled': false }))).not.toContain('CustomResourceDefinition');
    expect(only(await render({ 'crds.keep': false }), 'CustomResourceDefinition').metadata.annotations).toBeUndefined();
  });

  test('images: the tag is the version of the chart, and a digest wins', async () => {
    const digest = `sha256:${'a'.repeat(64)}`;
    const images = async (set: object) => {
      const [container] = podOf(await render({ ...set })).spec.containers;
      return [container.image, container.args[0]];
    };
    const { version } = JSON.parse(readFileSync(join(CHART, '..', 'package.json'), 'utf8'));
    expect(await images({})).toEqual([`cft-operator:${version}`, `--image=cft-trainer:${version}`]);
    expect(
      await images({
        image: { repository: 'hub.example:5000/op', digest, tag: '1' },
        'trainer.image': { repository: 'hub.example/tr', tag: '1.10' },
      }),
    ).toEqual([`hub.example:5000/op@${digest}`, '--image=hub.example/tr:1.10']);
  });

  test('what is set for the pods reaches them', async () => {
    const spec = {
      nodeSelector: { pool: 'system' },
      tolerations: [{ key: 'only', operator: 'Exists' }],
      affinity: { nodeAffinity: {} },
      topologySpreadConstraints: [{ maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'ScheduleAnyway' }],
      priorityClassName: 'high',
      imagePullSecrets: [{ name: 'hub' }],
    };
    const set = {
      ...spec,
      commonLabels: { team: 'ml', 'app.kubernetes.io/name': 'mine' },
      podLabels: { sidecar: 'no' },
      podAnnotations: { note: '1' },
      commonAnnotations: { owner: 'ml' },
      env: [{ name: 'NODE_OPTIONS', value: '--max-old-space-size=256' }],
      'podSecurityContext.runAsUser': null,
      'resources.limits': { memory: '1Gi' },
    };
    const objects = await render(set);
    const pod = podOf(objects);
    expect(pod.spec).toMatchObject(spec);
    expect(pod.metadata).toMatchObject({
      labels: { team: 'ml', sidecar: 'no' },
      annotations: { note: '1', owner: 'ml' },
    });
    expect(pod.metadata.labels['app.kubernetes.io/name']).toBe('cft');
    expect(pod.spec.securityContext).not.toHaveProperty('runAsUser');
    expect(pod.spec.containers[0]).toMatchObject({ env: set.env, resources: { limits: { memory: '1Gi' } } });
    for (const { metadata, kind } of objects) {
      expect(metadata.labels, kind).toMatchObject({ team: 'ml', 'app.kubernetes.io/managed-by': 'Helm' });
      expect(metadata.annotations, kind).toMatchObject({ owner: 'ml' });
    }
  });

  test('the Service and the monitor of the operator mean its pods, and no pods of stages or of the test', async () => {
    const objects = await render(ALL_ON);
    const selectors = [
      only(objects, 'Service').spec.selector,
      only(objects, 'Deployment').spec.selector.matchLabels,
      only(objects, 'NetworkPolicy').spec.podSelector.matchLabels,
      only(objects, 'PodDisruptionBudget').spec.selector.matchLabels,
    ];
    const stage = { 'app.kubernetes.io/name': 'cft', ...MANAGED_BY };
    for (const selector of selectors) {
      expect(podOf(objects).metadata.labels).toMatchObject(selector);
      expect(only(objects, 'Pod').metadata.labels).not.toMatchObject(selector);
      expect(stage).not.toMatchObject(selector);
    }
    expect(only(objects, 'Service').metadata.labels).toMatchObject(
      only(objects, 'ServiceMonitor').spec.selector.matchLabels,
    );
  });

  test('the monitor of the stages and the network policy mean what the operator makes', async () => {
    const objects = await render({ ...ALL_ON, watchNamespace: 'team' });
    const { selector, namespaceSelector, podMetricsEndpoints } = only(objects, 'PodMonitor').spec;
    expect(selector.matchLabels).toEqual(MANAGED_BY);
    expect(namespaceSelector).toEqual({ matchNames: ['team'] });
    const sources = podMetricsEndpoints[0].relabelings.flatMap(({ sourceLabels }: Rendered) => sourceLabels);
    for (const label of [LABEL.run, LABEL.stage, LABEL.kind])
      expect(sources).toContain(`__meta_kubernetes_pod_label_${label.replaceAll(/[./]/g, '_')}`);
    const progress = only(objects, 'NetworkPolicy').spec.egress.at(-1);
    expect(progress).toMatchObject({
      ports: [{ port: METRICS_PORT }],
      to: [{ podSelector: { matchLabels: MANAGED_BY } }],
    });
  });

  test('a dashboard each in a ConfigMap that the sidecar of Grafana finds', async () => {
    const set = { 'dashboards.enabled': true, 'dashboards.namespace': 'grafana', 'dashboards.folder': 'Training' };
    const maps = (await render(set)).filter(({ kind }) => kind === 'ConfigMap');
    expect(maps.map(({ metadata }) => metadata.name)).toEqual(
      ['fleet', 'operator', 'run'].map((name) => `cft-operator-dashboard-${name}`),
    );
    for (const { metadata, data } of maps) {
      expect(metadata).toMatchObject({
        namespace: 'grafana',
        labels: { grafana_dashboard: '1' },
        annotations: { grafana_folder: 'Training' },
      });
      const [[file, text]] = Object.entries(data) as [[string, string]];
      expect(`${text}\n`).toBe(readChart(`dashboards/${file.replace('cft-', '')}`));
    }
  });

  test('names stay valid with a long release name', async () => {
    const objects = await render({}, 'r'.repeat(53));
    for (const { metadata } of objects) expect(metadata.name.length).toBeLessThanOrEqual(63 + '-lease'.length);
    expect(only(objects, 'Service').metadata.name.length).toBeLessThanOrEqual(63);
  });

  test('the documentation has the rights that the chart gives', async () => {
    const objects = await render();
    const rules = objects.filter(
      ({ kind, metadata }) => /Role$/.test(kind ?? '') && !/-(view|edit)$/.test(metadata.name),
    );
    const given = new Map<string, string[]>();
    for (const { apiGroups, resources, verbs } of rules.flatMap((role) => role.rules))
      for (const resource of resources) {
        const name = `${apiGroups[0] || 'core'} ${resource}`;
        given.set(name, [...(given.get(name) ?? []), ...verbs]);
      }
    const page = readFileSync(join(CHART, '..', 'docs', 'operator.md'), 'utf8');
    const rows = page.matchAll(/^\| `?([\w.]+)`? \| `([\w/]+)` \| ([\w, ]+) \|/gm);
    const said = [...rows].map(([, group, resource, verbs]) => [`${group} ${resource}`, verbs?.split(', ').sort()]);
    expect(Object.fromEntries(said)).toEqual(
      Object.fromEntries([...given].map(([name, verbs]) => [name, verbs.sort()])),
    );
  });

  test('with a ServiceAccount and roles of your own, it uses and makes none', async () => {
    const objects = await render({
      'serviceAccount.create': false,
      'serviceAccount.name': 'mine',
      'rbac.create': false,
      'rbac.userRoles': false,
    });
    expect(podOf(objects).spec.serviceAccountName).toBe('mine');
    expect(objects.map(({ kind }) => kind).sort()).toEqual([
      'CustomResourceDefinition',
      'Deployment',
      'Pod',
      'Service',
    ]);
  });
});
