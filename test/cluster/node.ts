import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { buildPlainImage } from '../../scripts/images/archive.ts';
import { binariesDirectory } from './binaries.ts';
import { kubectl, type TestCluster } from './cluster.ts';
import { containerdConfig, kubeletConfig, PAUSE_IMAGE, podNetwork } from './node-config.ts';

/** A kubelet with containerd on this machine, joined to a cluster. */
export interface TestNode {
  readonly name: string;
  /** What its parts have logged. */
  log(): string;
  stop(): Promise<void>;
}

/** Its name leads the API server to the kubelet on the loopback. */
const NAME = 'localhost';
/** The bridge of the pods' network. */
const BRIDGE = 'cft-test';
const READY_SECONDS = 300;

/** Programs that it needs, and the Debian packages that they come from. */
const PROGRAMS = {
  '/usr/bin/containerd': 'containerd',
  '/usr/bin/crun': 'crun',
  '/usr/lib/cni/bridge': 'containernetworking-plugins',
  '/bin/busybox': 'busybox-static',
  '/sbin/ip': 'iproute2',
} as const;

/** Debian packages that a node needs and this machine lacks. */
export function missingPackages(): string[] {
  return Object.entries(PROGRAMS).flatMap(([path, name]) => (existsSync(path) ? [] : [name]));
}

/** What this machine lacks for a node; undefined if it lacks nothing. */
export function nodeObstacle(): string | undefined {
  if (process.getuid?.() !== 0) return 'root';
  const missing = missingPackages();
  return missing.length === 0 ? undefined : missing.join(', ');
}

/**
 * Starts a node of the cluster, with images from OCI archives. Containerd, the kubelet and all containers live in namespaces of one
 * process and end with it.
 *
 * @param resources more of what the node has, such as `{ 'nvidia.com/gpu': '2' }`
 */
export async function startNode(
  cluster: TestCluster,
  images: readonly string[],
  resources: Readonly<Record<string, string>> = {},
): Promise<TestNode> {
  const directory = mkdtempSync(join(tmpdir(), 'cft-node-'));
  const files = ['inside.log', 'containerd.log', 'kubelet.log'].map((name) => join(directory, name));
  const log = () =>
    files
      .filter(existsSync)
      .map((file) => readFileSync(file, 'utf8').split('\n').slice(-40).join('\n'))
      .join('\n');
  addBridge();
  let inside: ChildProcess | undefined;
  const stop = async () => {
    if (inside !== undefined) await kill(inside);
    execFileSync('ip', ['link', 'delete', BRIDGE]);
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    const pause = join(directory, 'pause.tar');
    await buildPlainImage(PAUSE_IMAGE, '/', ['bin/busybox'], { Entrypoint: ['/bin/busybox', 'sleep', 'inf'] }, pause);
    mkdirSync(join(directory, 'cni'));
    writeFileSync(join(directory, 'cni/10-pods.conflist'), podNetwork(directory, BRIDGE));
    writeFileSync(join(directory, 'containerd.toml'), containerdConfig(directory));
    writeFileSync(join(directory, 'kubelet.json'), kubeletConfig(directory, cluster.pki));
    // Containers stay in the cgroups of their caller: where this runs, cgroups are often not ours to change.
    const crun = '#!/bin/sh\nexec /usr/bin/crun --cgroup-manager=disabled "$@"\n';
    writeFileSync(join(directory, 'crun'), crun, { mode: 0o755 });
    const settings = JSON.stringify({
      directory,
      images: [pause, ...images],
      apiServer: { host: '127.0.0.1', port: cluster.port },
      kubelet: [
        join(binariesDirectory(), 'kubelet'),
        ...['--config', join(directory, 'kubelet.json'), '--kubeconfig', join(cluster.pki, 'node.kubeconfig')],
        ...['--root-dir', join(directory, 'kubelet'), '--cert-dir', join(directory, 'kubelet-pki')],
        ...['--hostname-override', NAME],
      ],
    });
    const output = openSync(files[0] as string, 'a');
    // The shell is the first process of the namespace: it buries the orphans.
    const shell = ['sh', '-c', '"$@" & wait', 'sh', process.execPath, join(import.meta.dirname, 'node-inside.ts')];
    inside = spawn('unshare', ['--mount', '--pid', '--fork', '--mount-proc', '--kill-child', ...shell, settings], {
      stdio: ['ignore', output, output],
    });
    await untilReady(cluster, inside, log);
    const status = { capacity: resources, allocatable: resources };
    const patch = ['patch', 'node', NAME, '--subresource=status', '--type=merge', '-p', JSON.stringify({ status })];
    kubectl(cluster.kubeconfig, patch);
    return { name: NAME, log, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The pods' bridge, which also has the address of the Service `kubernetes`. One that a killed test left is replaced. */
function addBridge(): void {
  const ip = (...args: string[]) => execFileSync('ip', args, { encoding: 'utf8', stdio: 'pipe' });
  if (existsSync(`/sys/class/net/${BRIDGE}`)) {
    const owner = readFileSync(`/sys/class/net/${BRIDGE}/ifalias`, 'utf8').trim();
    if (existsSync(`/proc/${owner}`)) throw new Error(`process ${owner} runs a test node already: wait for its end`);
    ip('link', 'delete', BRIDGE);
  }
  ip('link', 'add', BRIDGE, 'type', 'bridge');
  ip('link', 'set', BRIDGE, 'alias', String(process.pid));
  for (const address of ['10.88.0.1/24', '10.96.0.1/32']) ip('address', 'add', address, 'dev', BRIDGE);
  ip('link', 'set', BRIDGE, 'up');
}

async function untilReady(cluster: TestCluster, inside: ChildProcess, log: () => string): Promise<void> {
  const deadline = performance.now() + READY_SECONDS * 1000;
  const ready = ['wait', '--for=condition=Ready', `node/${NAME}`, '--timeout=1s'];
  for (;;) {
    try {
      kubectl(cluster.kubeconfig, ready);
      return;
    } catch (cause) {
      if (inside.exitCode !== null || performance.now() > deadline)
        throw new Error(`the node is not ready:\n${log()}`, { cause });
      await sleep(250);
    }
  }
}

/** KILL, since unshare ignores TERM; it takes the namespace and all that runs in it along. */
async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await exited;
}
