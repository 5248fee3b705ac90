// The operator as a process: `node operator/main.ts --image <trainer image>`.
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { KubeConfig } from '@kubernetes/client-node';
import { Command, InvalidArgumentError, Option } from 'commander';
import { createLog, type LogLevel } from './log.ts';
import { runOperator } from './operator.ts';
import { systemClock } from './queue/clock.ts';

function wholeNumber(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('must be a whole number');
  return Number(text);
}

const command = new Command('cft-operator')
  .description('Looks after CftRuns in a cluster: carries their stages out as Jobs.')
  .addOption(
    new Option('--image <image>', 'trainer image of runs that name none')
      .env('CFT_TRAINER_IMAGE')
      .makeOptionMandatory(),
  )
  .addOption(new Option('--namespace <namespace>', 'look after this namespace only').env('CFT_NAMESPACE'))
  .addOption(new Option('--kubeconfig <file>', 'default: KUBECONFIG, or the service account of the pod'))
  .addOption(new Option('--workers <count>', 'runs looked at at the same time').default(16).argParser(wholeNumber))
  .addOption(new Option('--port <port>', 'metrics and probes; 0: any free one').default(8080).argParser(wholeNumber))
  .addOption(new Option('--host <address>', 'address to serve them on').default('0.0.0.0'))
  .addOption(new Option('--lease <namespace/name>', 'lease to lead by; without it this process leads').env('CFT_LEASE'))
  .addOption(
    new Option('--lease-seconds <seconds>', 'the lease is free when it was not renewed for so long')
      .default(15)
      .argParser(wholeNumber),
  )
  .addOption(
    new Option('--progress-seconds <seconds>', 'between two rounds of asking pods for their progress')
      .default(10)
      .argParser(wholeNumber),
  )
  .addOption(
    new Option('--log-level <level>', 'lines to log')
      .choices(['debug', 'info', 'warn', 'error'])
      .default('info')
      .env('CFT_LOG_LEVEL'),
  )
  .parse();

const options = command.opts<{
  image: string;
  namespace?: string;
  kubeconfig?: string;
  workers: number;
  port: number;
  host: string;
  lease?: string;
  leaseSeconds: number;
  progressSeconds: number;
  logLevel: LogLevel;
}>();

const kubeConfig = new KubeConfig();
if (options.kubeconfig === undefined) kubeConfig.loadFromDefault();
else kubeConfig.loadFromFile(options.kubeconfig);

const stop = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.abort());

const log = createLog(
  (line) => process.stderr.write(line),
  options.logLevel,
  () => new Date(),
);
const [leaseNamespace, leaseName] = options.lease?.split('/') ?? [];

const end = await runOperator({
  kubeConfig,
  namespace: options.namespace,
  settings: { image: options.image },
  workers: options.workers,
  probes: { host: options.host, port: options.port },
  election:
    leaseNamespace === undefined || leaseName === undefined
      ? undefined
      : { namespace: leaseNamespace, name: leaseName, seconds: options.leaseSeconds },
  progressSeconds: options.progressSeconds,
  instance: `${hostname()}_${randomBytes(4).toString('hex')}`,
  clock: systemClock,
  log,
  signal: stop.signal,
});
// Not by itself: an open connection must not keep a process alive that has lost its lease.
process.exit(end === 'lost' ? 1 : 0);
