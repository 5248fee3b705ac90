// The inside of a test node, in mount and process namespaces of its own; node.ts starts it with its settings as the only argument.
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, openSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

interface Settings {
  readonly directory: string;
  /** OCI archives. */
  readonly images: readonly string[];
  readonly apiServer: { readonly host: string; readonly port: number };
  readonly kubelet: readonly [string, ...string[]];
}

const { directory, images, apiServer, kubelet }: Settings = JSON.parse(process.argv[2] ?? '');
const socket = join(directory, 'containerd.sock');

function start(name: string, [program, ...args]: readonly [string, ...string[]]): void {
  const log = openSync(join(directory, `${name}.log`), 'a');
  spawn(program, args, { cwd: directory, stdio: ['ignore', log, log] }).on('exit', (code) => process.exit(code ?? 1));
}

/** The Service `kubernetes`, which pods find by its address. On a real node kube-proxy does this. */
function forwardToApiServer(): void {
  createServer((client) => {
    const server = connect(apiServer);
    client.pipe(server).pipe(client);
    for (const one of [client, server]) {
      one.on('error', () => {
        client.destroy();
        server.destroy();
      });
    }
  }).listen(443, '10.96.0.1');
}

async function untilContainerd(): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      execFileSync('ctr', ['--address', socket, 'version'], { stdio: 'pipe' });
      return;
    } catch (error) {
      if (tries === 100) throw error;
      await sleep(100);
    }
  }
}

/** crun takes a machine for one with two cgroup hierarchies if it sees this mount. */
function hideSecondCgroups(): void {
  try {
    execFileSync('umount', ['/sys/fs/cgroup/unified'], { stdio: 'pipe' });
  } catch {
    // There is none.
  }
}

hideSecondCgroups();
execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', '/run']);
mkdirSync('/run/netns');
start('containerd', ['containerd', '--config', join(directory, 'containerd.toml')]);
await untilContainerd();
for (const image of images)
  execFileSync('ctr', ['--address', socket, '--namespace', 'k8s.io', 'images', 'import', image], { stdio: 'inherit' });
forwardToApiServer();
start('kubelet', kubelet);
