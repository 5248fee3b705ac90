import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

const TOOLS = join(import.meta.dirname, 'tools');

/** Program to its package in the module of `tools/go.mod`. */
const PACKAGES = {
  etcd: 'go.etcd.io/etcd/server/v3',
  'kube-apiserver': 'k8s.io/kubernetes/cmd/kube-apiserver',
  'kube-controller-manager': 'k8s.io/kubernetes/cmd/kube-controller-manager',
  'kube-scheduler': 'k8s.io/kubernetes/cmd/kube-scheduler',
  kubelet: 'k8s.io/kubernetes/cmd/kubelet',
  kubectl: 'k8s.io/kubernetes/cmd/kubectl',
  kwok: 'sigs.k8s.io/kwok/cmd/kwok',
  helm: 'helm.sh/helm/v4/cmd/helm',
} as const;

export type Program = keyof typeof PACKAGES;

/** Where the programs of these versions are kept, outside the checkout. */
export function binariesDirectory(): string {
  const hash = createHash('sha256')
    .update(readFileSync(join(TOOLS, 'go.sum')))
    .digest('hex')
    .slice(0, 16);
  return join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'cft', `cluster-${hash}`);
}

/** Whether every program is built. */
export function hasBinaries(): boolean {
  return Object.keys(PACKAGES).every((program) => existsSync(join(binariesDirectory(), program)));
}

/** Builds all programs from their Go modules: about 5 minutes and 3 GiB of memory the first time. Needs Go. */
export function buildBinaries(): void {
  const target = binariesDirectory();
  const partial = `${target}.partial-${process.pid}`;
  mkdirSync(partial, { recursive: true });
  try {
    const flags = ['build', '-trimpath', '-ldflags', linkerFlags()];
    for (const [program, path] of Object.entries(PACKAGES))
      go([...flags, '-o', join(partial, program), path], 'inherit');
    rmSync(target, { recursive: true, force: true });
    renameSync(partial, target);
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
}

/** Without these an API server takes itself for v0.0.0-master. */
function linkerFlags(): string {
  const version = moduleVersion('k8s.io/kubernetes');
  const minor = version.split('.')[1];
  const kubernetes = ['k8s.io/component-base/version', 'k8s.io/client-go/pkg/version'].flatMap((path) => [
    `-X ${path}.gitVersion=${version} -X ${path}.gitMajor=1 -X ${path}.gitMinor=${minor}`,
    `-X ${path}.gitTreeState=clean -X ${path}.buildDate=1970-01-01T00:00:00Z`,
  ]);
  const helm = `-X helm.sh/helm/v4/internal/version.version=${moduleVersion('helm.sh/helm/v4')}`;
  return ['-s -w', ...kubernetes, helm].join(' ');
}

function moduleVersion(path: string): string {
  return go(['list', '-m', '-f', '{{.Version}}', path], 'pipe').trim();
}

function go(args: readonly string[], stdout: 'inherit' | 'pipe'): string {
  const env = { ...process.env, CGO_ENABLED: '0' };
  return execFileSync('go', args, { cwd: TOOLS, env, encoding: 'utf8', stdio: ['ignore', stdout, 'inherit'] }) ?? '';
}
