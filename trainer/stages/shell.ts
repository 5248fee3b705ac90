import { unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { writeJsonAtomic } from '../../crds/files.ts';
import type { Metrics } from '../metrics/definitions.ts';
import { createLogger, type LogFormat, type LogLevel } from '../metrics/logger.ts';
import { advanceProgress, type Progress, type ProgressReport, startProgress } from '../metrics/progress.ts';
import { type MetricsServer, startMetricsServer } from '../metrics/server.ts';
import type { Logger, StageContext } from './context.ts';
import { cancellationPoint } from './memory-context.ts';

/** Where a process serves its metrics. */
export interface MetricsAddress {
  readonly host: string;
  /** 0 for any free one. */
  readonly port: number;
}

/** What this process is, for logs and `cft_run_info`. */
export interface Identity {
  readonly run: string;
  readonly stage: string;
  readonly kind: string;
  readonly version: string;
}

export interface ShellOptions {
  readonly identity: Identity;
  readonly log: {
    readonly level: LogLevel;
    readonly format: LogFormat;
    readonly color: boolean;
    readonly descriptor: number;
  };
  /** Undefined: metrics go nowhere. */
  readonly metrics: MetricsAddress | undefined;
  readonly stageDir: string | undefined;
  readonly signal: AbortSignal;
  readonly now: () => Date;
}

/** A context that serves, prints and remembers what the stage says, and what was said. */
export interface Shell {
  readonly context: StageContext;
  readonly warnings: readonly { readonly reason: string; readonly message: string }[];
  close(): Promise<void>;
}

/** Where `<stageDir>/endpoint.json` says that the stage of process `pid` serves its metrics, health and progress. */
export interface Endpoint {
  readonly pid: number;
  readonly url: string;
}

const PROGRESS_LOG_MILLISECONDS = 30_000;

/**
 * Opens everything around a stage: log, metrics server, progress. While a server runs, `<stageDir>/endpoint.json` says where.
 *
 * @throws CftError PortInUse, DiskFull
 */
export async function openShell(options: ShellOptions): Promise<Shell> {
  const { identity, stageDir, signal, now } = options;
  const file = stageDir === undefined ? undefined : join(stageDir, 'log.jsonl');
  const logger = createLogger({ ...options.log, file, fields: { run: identity.run, stage: identity.stage }, now });
  const initial = startProgress(identity.stage, now());
  const server = await serve(options, initial.report).catch((error: unknown) => {
    logger.close();
    throw error;
  });
  const metrics = server?.metrics ?? NOWHERE;
  const warnings: { reason: string; message: string }[] = [];
  metrics.set('cft_run_info', { ...identity }, 1);
  if (server !== undefined) logger.info('metrics are served', { url: `${server.url}/metrics` });
  const context: StageContext = {
    logger,
    metrics,
    progress: createProgress(initial, { metrics, server, logger, now }),
    signal,
    stageDir,
    now,
    warn: (reason, message) => {
      warnings.push({ reason, message });
      metrics.inc('cft_stage_warnings_total', { reason });
      logger.warn(message, { reason });
    },
    cancellationPoint: () => cancellationPoint(signal),
  };
  return {
    context,
    warnings,
    close: async () => {
      if (server !== undefined && stageDir !== undefined) await unlink(endpointPath(stageDir)).catch(() => undefined);
      await server?.close();
      logger.close();
    },
  };
}

function endpointPath(stageDir: string): string {
  return join(stageDir, 'endpoint.json');
}

async function serve({ metrics, stageDir }: ShellOptions, initial: ProgressReport): Promise<MetricsServer | undefined> {
  if (metrics === undefined) return undefined;
  const server = await startMetricsServer({ ...metrics, initial });
  const endpoint: Endpoint = { pid: process.pid, url: server.url };
  if (stageDir !== undefined) await writeJsonAtomic(endpointPath(stageDir), endpoint);
  return server;
}

interface ProgressSinks {
  readonly metrics: Metrics;
  readonly server: MetricsServer | undefined;
  readonly logger: Logger;
  readonly now: () => Date;
}

function createProgress(
  initial: ReturnType<typeof startProgress>,
  { metrics, server, logger, now }: ProgressSinks,
): Progress {
  let state = initial;
  let loggedAt = 0;
  return {
    update: (update) => {
      const newPhase = update.phase !== state.report.phase;
      state = advanceProgress(state, update, now());
      const { report } = state;
      const { stage, phase, done, total, ratio, etaSeconds } = report;
      server?.progress(report);
      metrics.set('cft_stage_progress_ratio', { stage, phase }, ratio);
      if (etaSeconds !== null) metrics.set('cft_stage_remaining_seconds', { stage, phase }, etaSeconds);
      if (!newPhase && done < total && state.at - loggedAt < PROGRESS_LOG_MILLISECONDS) return;
      loggedAt = state.at;
      logger.info(phase, { done, total, ...(etaSeconds === null ? {} : { etaSeconds: Math.round(etaSeconds) }) });
    },
  };
}

const NOWHERE: Metrics = { set: () => {}, inc: () => {}, observe: () => {} };
