import { type ChildProcess, spawn } from 'node:child_process';
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
} from '../../operator/kube/resources.ts';
import { indexOf, trainerState } from '../../operator/reconcile/pod-result.ts';
import { kubectl } from './cluster.ts';

const ROOT = join(import.meta.dirname, '..', '..');

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

  /** Makes the namespace, and in it the volume `runs`, bound already. */
  prepare(): void {
    this.kubectl(['create', 'namespace', this.namespace]);
    const name = `${this.namespace}-runs`;
    const capacity = { storage: '1Gi' };
    const accessModes = ['ReadWriteMany'];
    const volume = {
      capacity,
      accessModes,
      hostPath: { path: '/tmp' },
      claimRef: { namespace: this.namespace, name: 'runs' },
    };
    const claim = { accessModes, resources: { requests: capacity }, storageClassName: '', volumeName: name };
    this.kubectl(
      ['create', '-f', '-'],
      JSON.stringify({ apiVersion: 'v1', kind: 'PersistentVolume', metadata: { name }, spec: volume }),
    );
    this.kubectl(
      ['create', '-f', '-'],
      JSON.stringify({ apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name: 'runs' }, spec: claim }),
    );
  }

  create(run: object): void {
    this.kubectl(['apply', '-f', '-'], JSON.stringify(run));
  }

  async run(name: string): Promise<CftRun> {
    return this.client.get<CftRun>(CFT_RUNS, this.namespace, name);
  }

  async jobs(): Promise<Job[]> {
    return this.#list<Job>(collectionPath(JOBS, this.namespace));
  }

  async pods(): Promise<Pod[]> {
    return this.#list<Pod>(collectionPath(PODS, this.namespace));
  }

  async configMaps(): Promise<ConfigMap[]> {
    return this.#list<ConfigMap>(collectionPath(CONFIG_MAPS, this.namespace));
  }

  async events(run: string): Promise<KubeEvent[]> {
    const events: KubeList<KubeEvent> = await this.client.send('GET', collectionPath(EVENTS, this.namespace));
    return events.items.filter(({ regarding }) => regarding.name === run);
  }

  /** Lets every running pod end as `outcome` says, once. */
  async finishPods(outcome: (stage: Stage, pod: Pod) => Outcome): Promise<void> {
    const files = new Map((await this.configMaps()).flatMap(({ data = {} }) => Object.entries(data)));
    for (const pod of await this.pods()) {
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

  /** Looks again and again, finishing pods in between, until `check` is true. @throws with the last state after so many seconds */
  async until(
    what: string,
    check: () => Promise<boolean>,
    { seconds = 90, outcome }: { seconds?: number; outcome?: (stage: Stage, pod: Pod) => Outcome } = {},
  ): Promise<void> {
    const deadline = performance.now() + seconds * 1000;
    while (!(await check())) {
      if (performance.now() > deadline)
        throw new Error(`not so after ${seconds} s: ${what}\n${this.kubectl(['get', 'cftruns,jobs,pods'])}`);
      if (outcome !== undefined) await this.finishPods(outcome);
      await sleep(200);
    }
  }

  async untilPhase(name: string, phase: string, outcome?: (stage: Stage, pod: Pod) => Outcome): Promise<CftRun> {
    const is = async () => (await this.run(name)).status?.phase === phase;
    await this.until(`${name} is ${phase}`, is, outcome === undefined ? {} : { outcome });
    return this.run(name);
  }

  remove(resource: typeof JOBS, name: string): Promise<void> {
    return this.client.delete(resource, this.namespace, name);
  }

  async exists(resource: typeof JOBS, name: string): Promise<boolean> {
    return this.client.send('GET', objectPath(resource, this.namespace, name)).then(
      () => true,
      () => false,
    );
  }

  async #list<T>(path: string): Promise<T[]> {
    const list: KubeList<T> = await this.client.send('GET', path, { query: { labelSelector: MANAGED_SELECTOR } });
    return [...list.items];
  }
}

/** The real operator as a process of its own. */
export class OperatorProcess {
  #child: ChildProcess | undefined;
  readonly #args: readonly string[];
  log = '';

  constructor(kubeconfig: string, args: readonly string[] = []) {
    this.#args = [
      'operator/main.ts',
      '--kubeconfig',
      kubeconfig,
      '--image',
      'trainer:test',
      '--port',
      '0',
      '--host',
      '127.0.0.1',
      ...args,
    ];
  }

  async start(): Promise<void> {
    const child = spawn(process.execPath, this.#args, { cwd: ROOT, stdio: ['ignore', 'ignore', 'pipe'] });
    this.log = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.log += text;
    });
    this.#child = child;
    for (let i = 0; !this.log.includes('"leads"'); i++) {
      if (child.exitCode !== null || i > 600) throw new Error(`the operator did not start:\n${this.log}`);
      await sleep(100);
    }
  }

  /** Text of its metrics. */
  async metrics(): Promise<string> {
    const port = /"port":(\d+)/.exec(this.log)?.[1];
    return (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  }

  /** @returns the exit status */
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<number | null> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null;
    const exited = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
    child.kill(signal);
    return exited;
  }
}

/** The CRD, as it is in the repository. */
export function crd(): string {
  return readFileSync(join(ROOT, 'crds', 'cft.dev_cftruns.yaml'), 'utf8');
}
