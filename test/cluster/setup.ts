// `npm run setup:cluster`: what the tests on clusters and on an S3 server need on this machine. The programs are built from their Go modules,
// which takes minutes the first time; as root on a Debian, the packages of a real node are installed too. Without it these tests are skipped, by name.
import { spawnSync } from 'node:child_process';
import { provideS3Server } from '../s3/server.ts';
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

say('build the programs of the control plane, Prometheus, and an S3 server');
await provideBinaries();
await providePrometheus();
await provideS3Server();
monitoringCrds();
const missing = missingPackages();
if (missing.length > 0 && process.getuid?.() === 0) {
  say(`install ${missing.join(', ')}`);
  if (!apt('update') || !apt('install', '--yes', '--no-install-recommends', ...missing)) process.exitCode = 1;
}
const obstacle = nodeObstacle();
say(obstacle === undefined ? 'ready' : `ready, but a real node needs ${obstacle}`);
