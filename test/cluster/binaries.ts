import { join } from 'node:path';
import { areBuilt, directoryOf, type GoPrograms, moduleVersion, provide } from './go-programs.ts';

const MODULE = join(import.meta.dirname, 'tools');

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

const CLUSTER: GoPrograms = { name: 'cluster', module: MODULE, packages: PACKAGES, linkerFlags };

/** Where the programs of these versions are kept, outside the checkout. */
export function binariesDirectory(): string {
  return directoryOf(CLUSTER);
}

/** Whether every program is built. */
export function hasBinaries(): boolean {
  return areBuilt(CLUSTER);
}

/** Builds the programs that are not there: about 5 minutes and 3 GiB of memory the first time. Needs Go. */
export async function provideBinaries(): Promise<void> {
  await provide(CLUSTER);
}

/** Without these an API server takes itself for v0.0.0-master. */
async function linkerFlags(): Promise<string> {
  const version = await moduleVersion(MODULE, 'k8s.io/kubernetes');
  const minor = version.split('.')[1];
  const kubernetes = ['k8s.io/component-base/version', 'k8s.io/client-go/pkg/version'].flatMap((path) => [
    `-X ${path}.gitVersion=${version} -X ${path}.gitMajor=1 -X ${path}.gitMinor=${minor}`,
    `-X ${path}.gitTreeState=clean -X ${path}.buildDate=1970-01-01T00:00:00Z`,
  ]);
  const helm = `-X helm.sh/helm/v4/internal/version.version=${await moduleVersion(MODULE, 'helm.sh/helm/v4')}`;
  return ['-s -w', ...kubernetes, helm].join(' ');
}
