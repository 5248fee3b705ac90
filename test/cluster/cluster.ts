import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { binariesDirectory, type Program } from './binaries.ts';
import { makeCertificates } from './certificates.ts';

/** A control plane on this machine: etcd, API server, controllers, scheduler, and perhaps kwok in place of nodes. */
export interface TestCluster {
  readonly kubeconfig: string;
  /** Port of the API server. */
  readonly port: number;
  /** Folder of its certificates, and of a kubeconfig for each of its clients. */
  readonly pki: string;
  /** Ends the API server as a machine that goes down would, and starts it again after so many milliseconds. */
  restartApiServer(pause: number): Promise<void>;
  stop(): Promise<void>;
}

/** The fake node: room for 8 GPUs, which the real scheduler hands out. */
const NODE = {
  apiVersion: 'v1',
  kind: 'Node',
  metadata: {
    name: 'gpu-0',
    annotations: { 'cft.test/node': 'fake' },
    labels: { 'kubernetes.io/hostname': 'gpu-0', 'kubernetes.io/os': 'linux', 'kubernetes.io/arch': 'amd64' },
  },
  status: Object.fromEntries(
    ['capacity', 'allocatable'].map((field) => [
      field,
      { cpu: '128', memory: '1Ti', pods: '2000', 'nvidia.com/gpu': '8', 'ephemeral-storage': '1Ti' },
    ]),
  ),
};

/** The second, off by default, asks for the right to update an owner's finalizers; some distributions have it on. */
const PLUGINS = 'NodeRestriction,OwnerReferencesPermissionEnforcement';

const READY_SECONDS = 120;

/** By default a controller makes 20 requests a second: what is measured is to be the operator, not this. */
const UNTHROTTLED = ['--kube-api-qps', '1000', '--kube-api-burst', '2000'];

/**
 * Starts a cluster of its own, on free ports of the loopback. About 9 seconds on an idle machine.
 *
 * @param nodes `fake`: one of kwok, whose pods do what their annotations say; `none`: a real one may join, see node.ts
 */
export async function startCluster(nodes: 'fake' | 'none' = 'fake'): Promise<TestCluster> {
  const directory = mkdtempSync(join(tmpdir(), 'cft-cluster-'));
  const pki = join(directory, 'pki');
  const children: { readonly name: Program; readonly process: ChildProcess }[] = [];
  const start = (name: Program, args: readonly string[]) => {
    mkdirSync(join(directory, 'log'), { recursive: true });
    const log = openSync(join(directory, 'log', `${name}.log`), 'a');
    const child = spawn(join(binariesDirectory(), name), args, { cwd: directory, stdio: ['ignore', log, log] });
    children.push({ name, process: child });
    return child;
  };
  const stop = async () => {
    // The API server before its store, or it waits for it.
    for (const { process: child } of children.reverse()) await end(child);
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    const [api, etcd, peer, manager, scheduler] = (await freePorts(5)) as [number, number, number, number, number];
    const server = `https://127.0.0.1:${api}`;
    makeCertificates(pki, server);
    const kubeconfig = join(pki, 'admin.kubeconfig');
    start('etcd', etcdFlags(directory, etcd, peer));
    const startApiServer = async () => {
      const child = start('kube-apiserver', apiServerFlags(api, etcd));
      await until('the API server is ready', () => kubectl(kubeconfig, ['get', '--raw', '/readyz']), directory);
      return child;
    };
    let apiServer = await startApiServer();
    const restartApiServer = async (pause: number) => {
      await end(apiServer, 'SIGKILL');
      await sleep(pause);
      apiServer = await startApiServer();
    };
    start('kube-controller-manager', managerFlags(manager));
    start('kube-scheduler', schedulerFlags(scheduler));
    if (nodes === 'fake') {
      start('kwok', ['--kubeconfig', 'pki/kwok.kubeconfig', '--config', join(import.meta.dirname, 'kwok.yaml')]);
      kubectl(kubeconfig, ['create', '-f', '-'], JSON.stringify(NODE));
      await until('the node is ready', () => refuseTaints(kubeconfig), directory);
    }
    const isThere = () => kubectl(kubeconfig, ['get', 'serviceaccount', 'default']);
    await until('the controllers work', isThere, directory);
    return { kubeconfig, port: api, pki, restartApiServer, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function refuseTaints(kubeconfig: string): void {
  const taints = kubectl(kubeconfig, ['get', 'node', NODE.metadata.name, '-o', 'jsonpath={.spec.taints}']);
  if (taints !== '') throw new Error(`the node has taints: ${taints}`);
}

/** Runs kubectl and gives its output. @throws with what it said */
export function kubectl(kubeconfig: string, args: readonly string[], input?: string): string {
  const program = join(binariesDirectory(), 'kubectl');
  return execFileSync(program, ['--kubeconfig', kubeconfig, ...args], { encoding: 'utf8', stdio: 'pipe', input });
}

function etcdFlags(directory: string, port: number, peer: number): string[] {
  const [client, other] = [`http://127.0.0.1:${port}`, `http://127.0.0.1:${peer}`];
  return [
    ...['--name', 'test', '--data-dir', join(directory, 'etcd'), '--unsafe-no-fsync', '--log-level', 'warn'],
    ...['--listen-client-urls', client, '--advertise-client-urls', client],
    ...['--listen-peer-urls', other, '--initial-advertise-peer-urls', other, '--initial-cluster', `test=${other}`],
  ];
}

function apiServerFlags(port: number, etcd: number): string[] {
  return [
    ...['--etcd-servers', `http://127.0.0.1:${etcd}`, '--bind-address', '127.0.0.1', '--secure-port', String(port)],
    ...['--advertise-address', '127.0.0.1', '--endpoint-reconciler-type', 'none'],
    ...['--tls-cert-file', 'pki/apiserver.crt', '--tls-private-key-file', 'pki/apiserver.key'],
    ...['--client-ca-file', 'pki/ca.crt', '--service-cluster-ip-range', '10.96.0.0/16'],
    ...['--service-account-issuer', 'https://kubernetes.default.svc'],
    ...['--service-account-key-file', 'pki/service-accounts.pub'],
    ...['--service-account-signing-key-file', 'pki/service-accounts.key'],
    ...['--kubelet-client-certificate', 'pki/kubelet-client.crt', '--kubelet-client-key', 'pki/kubelet-client.key'],
    ...['--authorization-mode', 'Node,RBAC', '--enable-admission-plugins', PLUGINS],
    // Without these the controllers log errors for ever.
    ...['--requestheader-client-ca-file', 'pki/ca.crt', '--requestheader-allowed-names', 'front-proxy-client'],
    ...['--requestheader-username-headers', 'X-Remote-User', '--requestheader-group-headers', 'X-Remote-Group'],
    ...['--requestheader-extra-headers-prefix', 'X-Remote-Extra-'],
    ...['--proxy-client-cert-file', 'pki/front-proxy-client.crt'],
    ...['--proxy-client-key-file', 'pki/front-proxy-client.key'],
    '--profiling=false',
  ];
}

function managerFlags(port: number): string[] {
  const config = 'pki/controller-manager.kubeconfig';
  return [
    ...['--kubeconfig', config, '--authentication-kubeconfig', config, '--authorization-kubeconfig', config],
    ...['--bind-address', '127.0.0.1', '--secure-port', String(port), '--cert-dir', 'pki/controller-manager'],
    ...['--service-account-private-key-file', 'pki/service-accounts.key', '--root-ca-file', 'pki/ca.crt'],
    ...['--leader-elect=false', '--use-service-account-credentials=true', '--profiling=false'],
    ...['--concurrent-job-syncs', '20', ...UNTHROTTLED],
  ];
}

function schedulerFlags(port: number): string[] {
  const config = 'pki/scheduler.kubeconfig';
  return [
    ...['--kubeconfig', config, '--authentication-kubeconfig', config, '--authorization-kubeconfig', config],
    ...['--bind-address', '127.0.0.1', '--secure-port', String(port), '--cert-dir', 'pki/scheduler'],
    ...['--leader-elect=false', '--profiling=false', ...UNTHROTTLED],
  ];
}

/** Ports that are free now. Another process may take one before it is used; then the start fails and says so. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => new Promise((resolve) => server.once('listening', resolve))));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

async function until(what: string, check: () => unknown, directory: string): Promise<void> {
  const deadline = performance.now() + READY_SECONDS * 1000;
  for (;;) {
    try {
      check();
      return;
    } catch (cause) {
      if (performance.now() > deadline)
        throw new Error(`not true after ${READY_SECONDS} s: ${what}\n${tail(directory)}`, { cause });
      await sleep(250);
    }
  }
}

function tail(directory: string): string {
  return readFileSync(join(directory, 'log', 'kube-apiserver.log'), 'utf8')
    .split('\n')
    .slice(-20)
    .join('\n');
}

async function end(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise((resolve) => child.once('exit', resolve));
  child.kill(signal);
  const killer = setTimeout(() => child.kill('SIGKILL'), 10_000);
  await exited;
  clearTimeout(killer);
}
