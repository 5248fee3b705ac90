import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { formatError } from '../../crds/errors.ts';
import { EXIT, exitCodeOf } from '../../crds/exit-codes.ts';
import { writeJsonAtomic } from '../../crds/files.ts';
import { takeLock } from '../../crds/lock.ts';
import type { Stage, StageResult } from '../../crds/stage.ts';
import { createLogger } from '../metrics/logger.ts';
import { type ClaimPolicy, claimOutput } from './claim.ts';
import type { StageContext, StageOutcome } from './context.ts';
import { asCftError } from './explain.ts';
import { listenForInterrupts } from './interrupts.ts';
import { failed, succeeded } from './result.ts';
import { openShell, type ShellOptions } from './shell.ts';

export interface StageRunOptions extends Omit<ShellOptions, 'identity' | 'stageDir' | 'signal'> {
  readonly version: string;
  /** What the stage does. Called once everything around it stands. */
  readonly work: (stage: Stage, context: StageContext) => Promise<StageOutcome>;
  readonly claim: ClaimPolicy;
  /** Gets the compact result too: the path of a pod's termination message. */
  readonly terminationMessagePath: string | undefined;
  /** The process whose death ends this one. */
  readonly parent: number | undefined;
}

/** How a stage ended. No result: it was stopped, and goes on when started again. */
export interface StageRun {
  readonly exitCode: number;
  readonly result: StageResult | undefined;
  /** For the reader at the terminal; undefined after success. */
  readonly error: string | undefined;
}

/** Where a stage keeps its own files. */
export function stageDirectory(stage: Pick<Stage, 'runDir' | 'name'>): string {
  return join(stage.runDir, 'stages', stage.name);
}

/**
 * Runs one stage from its description to its result.json: one process at a time (lock), on its own output only (claim), with log,
 * metrics and progress around it. SIGTERM and SIGINT let it save its state and leave no result; any other error leaves a failed one.
 * Never throws.
 */
export async function runStage(stage: Stage, options: StageRunOptions): Promise<StageRun> {
  const stageDir = stageDirectory(stage);
  const startTime = options.now();
  const interrupts = listenForInterrupts(options.parent);
  const times = () => ({ startTime, completionTime: options.now() });
  let owner = false;
  let logging = false;
  try {
    interrupts.signal.throwIfAborted();
    const lock = await takeLock(join(stageDir, 'lock'), `stage ${stage.name}`);
    owner = true;
    try {
      await claimOutput(stage, stageDir, options.claim);
      const onLog = () => {
        logging = true;
      };
      const result = await workInShell(stage, stageDir, interrupts.signal, { ...options, onLog }, times);
      await writeJsonAtomic(join(stageDir, 'result.json'), result, { compact: true });
      await tellPod(result, options);
      return { exitCode: EXIT.ok, result, error: undefined };
    } finally {
      await lock.release();
    }
  } catch (error) {
    const stopped = interrupts.exitCode();
    if (stopped !== undefined)
      return { exitCode: stopped, result: undefined, error: 'Interrupted: stopped; start it again to go on' };
    const known = asCftError(error);
    const result = failed(stage, formatError(known), times());
    if (owner) await writeJsonAtomic(join(stageDir, 'result.json'), result, { compact: true }).catch(() => undefined);
    await tellPod(result, options);
    if (!logging && options.log.format === 'json') logFailure(stage, formatError(known), options);
    return { exitCode: exitCodeOf(known), result, error: formatError(known) };
  } finally {
    interrupts.close();
  }
}

async function workInShell(
  stage: Stage,
  stageDir: string,
  signal: AbortSignal,
  options: StageRunOptions & { readonly onLog: () => void },
  times: () => Parameters<typeof succeeded>[3],
): Promise<StageResult> {
  const identity = { run: stage.runName, stage: stage.name, kind: stage.kind, version: options.version };
  const shell = await openShell({ ...options, identity, stageDir, signal });
  const { logger } = shell.context;
  options.onLog();
  try {
    logger.info('stage starts', { digest: stage.digest });
    const outcome = await options.work(stage, shell.context);
    const result = succeeded(stage, outcome, shell.warnings, times());
    logger.info('stage succeeded', { metrics: result.metrics });
    return result;
  } catch (error) {
    if (signal.aborted) logger.warn('stage stopped before its end');
    else
      logger.error('stage failed', {
        error: formatError(asCftError(error)),
        stack: error instanceof Error ? error.stack : undefined,
      });
    throw error;
  } finally {
    await shell.close();
  }
}

/** For those who read only the log: what kept the stage from starting. */
function logFailure({ runName, name }: Stage, error: string, { log, now }: StageRunOptions): void {
  const logger = createLogger({ ...log, file: undefined, fields: { run: runName, stage: name }, now });
  logger.error('stage failed', { error });
  logger.close();
}

/** The kubelet reads this file once the container has ended; it is mounted by the kubelet, so that it can't be replaced by a rename. */
async function tellPod(result: StageResult, { terminationMessagePath }: StageRunOptions): Promise<void> {
  if (terminationMessagePath === undefined) return;
  await writeFile(terminationMessagePath, JSON.stringify(result)).catch(() => undefined);
}
