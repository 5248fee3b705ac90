import { type Command, Option } from 'commander';
import { CftError } from '../../../crds/errors.ts';
import type { LogFormat, LogLevel } from '../../metrics/logger.ts';
import type { MetricsAddress, ShellOptions } from '../shell.ts';

/** What the surroundings say, read once where the process begins. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Whether the error stream is a terminal. */
  readonly terminal: boolean;
}

/** Port of the metrics in a pod, where every process has its own address. */
const POD_METRICS_PORT = 9090;

type Log = ShellOptions['log'];

/** Adds the options that every command with a log and metrics has. */
export function addShellFlags(command: Command): Command {
  return command
    .optionsGroup('Log and metrics:')
    .addOption(
      new Option('--log-level <level>', 'lines to show')
        .choices(['debug', 'info', 'warn', 'error'])
        .env('CFT_LOG_LEVEL'),
    )
    .addOption(
      new Option('--log-format <format>', 'default: text, in a pod json')
        .choices(['text', 'json', 'none'])
        .env('CFT_LOG_FORMAT'),
    )
    .addOption(
      new Option('--metrics-port <port>', `0: any free one; off; in a pod ${POD_METRICS_PORT}`).env('CFT_METRICS_PORT'),
    )
    .addOption(new Option('--metrics-host <address>', 'default: 127.0.0.1, in a pod 0.0.0.0').env('CFT_METRICS_HOST'));
}

/** How to log, from the options and, without one, from where the process runs. */
export function readLog(given: Readonly<Record<string, unknown>>, { terminal, env }: Surroundings): Log {
  const format =
    (given.logFormat as LogFormat | undefined) ?? (env.KUBERNETES_SERVICE_HOST === undefined ? 'text' : 'json');
  return {
    level: (given.logLevel as LogLevel | undefined) ?? 'info',
    format,
    color: terminal && env.NO_COLOR === undefined,
    descriptor: 2,
  };
}

/**
 * Where to serve metrics; undefined for nowhere.
 *
 * @throws CftError InvalidArgument for a port that is none
 */
export function readMetrics(
  given: Readonly<Record<string, unknown>>,
  { env }: Surroundings,
): MetricsAddress | undefined {
  const pod = env.KUBERNETES_SERVICE_HOST !== undefined;
  const port = given.metricsPort ?? (pod ? POD_METRICS_PORT : 0);
  if (port === 'off') return undefined;
  if (!/^\d{1,5}$/.test(String(port)) || Number(port) > 65_535) {
    throw new CftError('InvalidArgument', `--metrics-port: ${JSON.stringify(port)} is not a port`, {
      value: port,
      hint: 'pass a number from 0 (any free port) to 65535, or off',
    });
  }
  return { host: String(given.metricsHost ?? (pod ? '0.0.0.0' : '127.0.0.1')), port: Number(port) };
}
