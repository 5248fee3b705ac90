import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { KubeConfig } from '@kubernetes/client-node';
import type { CftRun } from '../../crds/cftrun.ts';
import { Stage, type StageResult } from '../../crds/stage.ts';
import { LABEL, MANAGED_SELECTOR } from '../../operator/jobs/names.ts';
import { KubeClient } from '../../operator/kube/client.ts';
import type { ConfigMap, Job, KubeList, KubeObject, Pod } from '../../operator/kube/objects.ts';
import {
  CFT_RUNS,
  CONFIG_MAPS,
  collectionPath,
  EVENTS,
  JOBS,
  objectPath,
  PODS,
  type Resource,
} from '../../operator/kube/resources.ts';
import { indexOf, trainerState } from '../../operator/reconcile/pod-result.ts';
import { kubectl } from './cluster.ts';

const ROOT = join(import.meta.dirname, '..', '..');

const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

export interface KubeEvent extends KubeObject {
  readonly reason: string;
  readonly note: string;
  readonly type: string;
  readonly regarding: { readonly name: string };
}

/** How a pod ends: exit status, and what else than success its result says. Undefined: it goes on for now. */
export type Outcome = { readonly exitCode: number; readonly result: StageResult | undefined } | undefined;

/** A namespace of a cluster as a test sees it. */
export class World {
  readonly namespace: string;
  readonly kubeconfig: string;
  readonly client: KubeClient;

  constructor(kubeconfig: string, namespace: string) {
    this.kubeconfig = kubeconfig;
    this.namespace = namespace;
    const config = new KubeConfig();
    config.loadFromFile(kubeconfig);
    this.client = new KubeClient(config);
  }

  kubectl(args: readonly string[], input?: string): string {
    return kubectl(this.kubeconfig, ['--namespace', this.namespace, ...args], input);
  }

  /** Makes the namespace, and in it the claim `runs`, bound to a volume. */
  prepare(): void {
    this.kubectl(['create', 'namespace', this.namespace]);
    this.makeVolume('runs');
  }

  /** Makes a volume and a claim that is bound to it; without `claim` the volume alone, for a claim of that name. */
  makeVolume(claimName: string, { claim = true } = {}): void {
    const name = `${this.namespace}-${claimName}`;
    const capacity = { storage: '1Gi' };
    const accessModes = ['ReadWriteMany', 'ReadWriteOnce'];
    const claimRef = { namespace: this.namespace, name: claimName };
    this.create({
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: { name },
      spec: { capacity, accessModes, hostPath: { path: '/tmp' }, claimRef },
    });
    if (!claim) return;
    this.create({
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name: claimName },
      spec: { accessModes, resources: { requests: capacity }, storageClassName: '', volumeName: name },
    });
  }

  /** Installs a CRD, and waits until the API server serves it. */
  async installCrd(name: string, yaml: string): Promise<void> {
    this.kubectl(['apply', '--server-side', '-f', '-'], yaml);
    // `kubectl wait` fails on a CRD that has no conditions yet.
    const isServed = async () => {
      const crd = await this.client.send<Pick<Job, 'status'>>('GET', `${CRDS}/${name}`);
      return crd.status?.conditions?.some(({ type, status }) => type === 'Established' && status === 'True') ?? false;
    };
    await this.until(`${name} is served`, isServed);
  }

  create(object: object): void {
    this.kubectl(['apply', '-f', '-'], JSON.stringify(object));
  }

  async run(name: string): Promise<CftRun> {
    return this.client.get<CftRun>(CFT_RUNS, this.namespace, name);
  }

  /** Jobs of a run, or of all. */
  async jobs(run?: string): Promise<Job[]> {
    return this.#list<Job>(JOBS, run);
  }

  async pods(run?: string): Promise<Pod[]> {
    return this.#list<Pod>(PODS, run);
  }

  async configMaps(run?: string): Promise<ConfigMap[]> {
    return this.#list<ConfigMap>(CONFIG_MAPS, run);
  }

  /** What a run's events say, once there is one for each of the expected reasons: events are told beside the status, not before it. */
  async events(run: string, expected: readonly string[] = []): Promise<KubeEvent[]> {
    let found: KubeEvent[] = [];
    await this.until(`${run} has the events ${expected.join(', ')}`, async () => {
      const events: KubeList<KubeEvent> = await this.client.send('GET', collectionPath(EVENTS, this.namespace));
      found = events.items.filter(({ regarding }) => regarding.name === run);
      const count = (reason: string, of: readonly (string | undefined)[]) =>
        of.filter((other) => other === reason).length;
      const reasons = found.map(({ reason }) => reason);
      return expected.every((reason) => count(reason, reasons) >= count(reason, expected));
    });
    return found;
  }

  /** Writes part of a pod's status, as its kubelet would. */
  async setPodStatus({ metadata }: Pod, status: object): Promise<void> {
    await this.client.send('PATCH', `${objectPath(PODS, this.namespace, metadata.name)}/status`, {
      body: { status },
      contentType: 'application/strategic-merge-patch+json',
    });
  }

  /** Asks for the end of a pod as `kubectl drain` does. */
  async evict({ metadata: { name } }: Pod): Promise<void> {
    const body = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name } };
    await this.client.create(`${objectPath(PODS, this.namespace, name)}/eviction`, body);
  }

  /** Keeps new pods from a node, or lets them on it again. */
  async cordon(node: string, unschedulable: boolean): Promise<void> {
    await this.client.send('PATCH', `/api/v1/nodes/${node}`, {
      body: { spec: { unschedulable } },
      contentType: 'application/merge-patch+json',
    });
  }

  /** Lets every running pod of a run end as `outcome` says, once. */
  async finishPods(run: string, outcome: (stage: Stage, pod: Pod) => Outcome): Promise<void> {
    const files = new Map((await this.configMaps(run)).flatMap(({ data = {} }) => Object.entries(data)));
    for (const pod of await this.pods(run)) {
      if (trainerState(pod).running === undefined || pod.metadata.annotations?.['cft.test/exit-code'] !== undefined)
        continue;
      const group = pod.metadata.labels?.[LABEL.stage] ?? '';
      const text = files.get(`${group}-${indexOf(pod)}.json`) ?? files.get(`${group}.json`);
      const end = text === undefined ? undefined : outcome(Stage.parse(JSON.parse(text)), pod);
      if (end === undefined) continue;
      const message = end.result === undefined ? '' : JSON.stringify(end.result);
      const annotations = { 'cft.test/exit-code': String(end.exitCode), 'cft.test/message': message };
      await this.client
        .merge(PODS, this.namespace, pod.metadata.name, { metadata: { annotations } })
        .catch(() => undefined);
    }
  }

  /** Looks again and again until `check` is true. @throws with the last state after so many seconds */
  async until(
    what: string,
    check: () => Promise<boolean>,
    { seconds = 90, meanwhile }: { seconds?: number; meanwhile?: () => Promise<unknown> } = {},
  ): Promise<void> {
    const deadline = performance.now() + seconds * 1000;
    while (!(await check())) {
      if (performance.now() > deadline) throw new Error(`not so after ${seconds} s: ${what}\n${this.#overview()}`);
      await meanwhile?.();
      await sleep(200);
    }
  }

  /** Waits until a run is in a phase; its pods end as `outcome` says, or go on without one. */
  async untilPhase(name: string, phase: string, outcome?: (stage: Stage, pod: Pod) => Outcome): Promise<CftRun> {
    const is = async () => (await this.run(name)).status?.phase === phase;
    const meanwhile = async () => outcome && this.finishPods(name, outcome);
    await this.until(`${name} is ${phase}`, is, { meanwhile });
    return this.run(name);
  }

  remove(resource: Resource, name: string): Promise<void> {
    return this.client.delete(resource, this.namespace, name);
  }

  async exists(resource: Resource, name: string): Promise<boolean> {
    return this.client.send('GET', objectPath(resource, this.namespace, name)).then(
      () => true,
      () => false,
    );
  }

  #overview(): string {
    try {
      return this.kubectl(['get', 'cftruns,jobs,pods']) + this.kubectl(['describe', 'cftruns']);
    } catch (error) {
      return String(error);
    }
  }

  async #list<T>(resource: Resource, run: string | undefined): Promise<T[]> {
    const labelSelector = run === undefined ? MANAGED_SELECTOR : `${MANAGED_SELECTOR},${LABEL.run}=${run}`;
    const path = collectionPath(resource, this.namespace);
    const list: KubeList<T> = await this.client.send('GET', path, { query: { labelSelector } });
    return [...list.items];
  }
}

/** The CRD, as it is in the repository. */
export function crd(): string {
  return readFileSync(join(ROOT, 'crds', 'cft.dev_cftruns.yaml'), 'utf8');
}
