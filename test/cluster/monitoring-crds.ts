import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** The Prometheus Operator, whose module holds its CRDs. */
const MODULE = 'github.com/prometheus-operator/prometheus-operator';
const VERSION = 'v0.85.0';
const SUM = 'h1:M5xLCLEoaW2IJfnuCwFzzpL+jSVQu3KGT84Pye+fW8s=';

const KINDS = ['podmonitors', 'servicemonitors', 'prometheusrules'];

/** Whether Go's cache has the CRDs of the Prometheus Operator. CFT_CLUSTER_TESTS=1 asks to download them. */
export const hasMonitoringCrds = process.env.CFT_CLUSTER_TESTS === '1' || isCached();

/** Files of the CRDs that the chart's monitors and rules are kinds of. Needs Go. */
export function monitoringCrds(): string[] {
  const { Dir, Sum }: { Dir: string; Sum: string } = JSON.parse(go('mod', 'download', '-json', `${MODULE}@${VERSION}`));
  if (Sum !== SUM) throw new Error(`${MODULE}@${VERSION} has the checksum ${Sum}, not ${SUM}`);
  return KINDS.map((kind) => join(Dir, 'example', 'prometheus-operator-crd', `monitoring.coreos.com_${kind}.yaml`));
}

function isCached(): boolean {
  try {
    return existsSync(join(go('env', 'GOMODCACHE').trim(), `${MODULE}@${VERSION}`));
  } catch {
    return false;
  }
}

function go(...args: string[]): string {
  return execFileSync('go', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}
