import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { KubeObject } from '../../operator/kube/objects.ts';
import { CHART, helm, type Values, values } from './helm.ts';
import { OperatorProcess } from './operator-process.ts';
import type { World } from './world.ts';

export interface Deployment extends KubeObject {
  readonly spec: {
    readonly replicas: number;
    readonly template: { readonly spec: { readonly containers: readonly { readonly args: readonly string[] }[] } };
  };
}

/** A release of the chart. Its pods do nothing on a fake node: what they would do is done here, with the rights that they would have. */
export class Release {
  readonly name: string;
  readonly #world: World;
  readonly #directory = mkdtempSync(join(tmpdir(), 'cft-release-'));

  /** @param world the namespace that it is installed in */
  constructor(name: string, world: World) {
    this.name = name;
    this.#world = world;
  }

  /** Name of the operator's objects. */
  get operatorName(): string {
    return `${this.name}-operator`;
  }

  /** Installs or upgrades it, and waits until its pods are ready. @returns its notes */
  async install(set: Values = {}): Promise<string> {
    return this.helm('upgrade', ['--install', '--wait', '--timeout=90s', ...values(set), this.name, CHART]);
  }

  /** @param args after the command, and after the release's name where the command wants it */
  async helm(command: string, args: readonly string[]): Promise<string> {
    return helm([command, '-n', this.#world.namespace, ...args], this.#world.kubeconfig);
  }

  deployment(): Deployment {
    return JSON.parse(this.#world.kubectl(['get', 'deployment', this.operatorName, '-o', 'json']));
  }

  /** The operator as the Deployment would start it, with the rights of its ServiceAccount. */
  operator(): OperatorProcess {
    const config = JSON.parse(this.#world.kubectl(['config', 'view', '--raw', '-o', 'json']));
    const file = join(this.#directory, 'kubeconfig');
    const users = config.users.map(({ name }: { name: string }) => ({ name, user: { token: this.#token() } }));
    writeFileSync(file, JSON.stringify({ ...config, users }), { mode: 0o600 });
    return new OperatorProcess(file, this.deployment().spec.template.spec.containers[0]?.args);
  }

  /** Runs what the pod of `helm test` would run. @returns what it says; @throws where it would fail */
  async check(): Promise<string> {
    const pod: { spec: { containers: [{ command: string[] }] } } = JSON.parse(
      this.#world.kubectl(
        ['create', '--dry-run=client', '-o', 'json', '-f', '-'],
        await this.helm('get', ['hooks', this.name]),
      ),
    );
    const { cluster } = JSON.parse(this.#world.kubectl(['config', 'view', '--raw', '-o', 'json'])).clusters[0];
    writeFileSync(join(this.#directory, 'token'), this.#token(), { mode: 0o600 });
    writeFileSync(join(this.#directory, 'ca.crt'), Buffer.from(cluster['certificate-authority-data'], 'base64'));
    const { hostname, port } = new URL(cluster.server);
    const api = { KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port };
    const env = { ...process.env, ...api, NODE_EXTRA_CA_CERTS: join(this.#directory, 'ca.crt') };
    const args = pod.spec.containers[0].command.slice(1);
    const moved = args.map((arg) => (arg.startsWith('/var/run/') ? this.#directory : arg));
    return (await promisify(execFile)(process.execPath, moved, { env })).stdout;
  }

  /** Removes what it has written on this machine. */
  close(): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #token(): string {
    return this.#world.kubectl(['create', 'token', this.operatorName]).trim();
  }
}
