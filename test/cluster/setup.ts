// `npm run setup:cluster`: what the tests on clusters need on this machine. The programs are built from their Go modules, which takes minutes
// the first time; as root on a Debian, the packages of a real node are installed too. Without it these tests are skipped, by name.
import { spawnSync } from 'node:child_process';
import { provideBinaries } from './binaries.ts';
import { monitoringCrds } from './monitoring-crds.ts';
import { missingPackages, nodeObstacle } from './node.ts';
import { providePrometheus } from './prometheus.ts';

function say(text: string): void {
  process.stderr.write(`set-up  cluster     ${text}\n`);
}

function apt(...args: string[]): boolean {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  return spawnSync('apt-get', [...args, '-qq'], { env, stdio: ['ignore', 'ignore', 'inherit'] }).status === 0;
}

say('build the programs of the control plane, and Prometheus');
await provideBinaries();
await providePrometheus();
monitoringCrds();
const missing = missingPackages();
if (missing.length > 0 && process.getuid?.() === 0) {
  say(`install ${missing.join(', ')}`);
  if (!apt('update') || !apt('install', '--yes', '--no-install-recommends', ...missing)) process.exitCode = 1;
}
const obstacle = nodeObstacle();
say(obstacle === undefined ? 'ready' : `ready, but a real node needs ${obstacle}`);
