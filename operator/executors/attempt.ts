import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { writeJsonAtomic } from '../../crds/files.ts';
import type { Stage } from '../../crds/stage.ts';
import { type StageProgress, watchProgress } from './progress-watch.ts';
import type { AttemptEnd } from './retry.ts';
import { forgetResult, readResult, readTail, stageDirectory } from './stage-files.ts';

/**
 * The program that does a stage, given its stage.json.
 *
 * @param slot number of the place that the stage has among those that run at the same time, from 0
 */
export type Launcher = (
  stage: Stage,
  stageFile: string,
  slot: number,
) => { readonly command: string; readonly args: readonly string[] };

export interface AttemptOptions {
  readonly launch: Launcher;
  readonly slot: number;
  /** Aborted when the stage is to stop. */
  readonly signal: AbortSignal;
  /** How long a stage that is to stop may take to save its state, before it is killed. */
  readonly graceSeconds: number;
  readonly onEndpoint: (url: string) => void;
  readonly onProgress: (progress: StageProgress) => void;
}

/** Bytes of a child's error stream that are told when nothing better is known. */
const TAIL_BYTES = 2000;

/**
 * Runs a stage once, as a child process in a process group of its own: Ctrl-C on the terminal reaches only this process, which then asks
 * the child to stop. The child watches over its parent itself (`CFT_PARENT_PID`), so that it ends also when this process is killed.
 *
 * @throws CftError DiskFull, or the error that the program could not be started with
 */
export async function attempt(stage: Stage, options: AttemptOptions): Promise<AttemptEnd> {
  const directory = stageDirectory(stage);
  const stageFile = join(directory, 'stage.json');
  await mkdir(directory, { recursive: true });
  await forgetResult(stage);
  await writeJsonAtomic(stageFile, stage);
  const stderr = await open(join(directory, 'stderr.txt'), 'w');
  try {
    const { command, args } = options.launch(stage, stageFile, options.slot);
    const env = { ...process.env, CFT_PARENT_PID: String(process.pid) };
    const child = spawn(command, args, { env, detached: true, stdio: ['ignore', 'ignore', stderr.fd] });
    return await supervised(stage, child, options);
  } finally {
    await stderr.close();
  }
}

async function supervised(stage: Stage, child: ChildProcess, options: AttemptOptions): Promise<AttemptEnd> {
  const stopWatching =
    child.pid === undefined
      ? () => {}
      : watchProgress(stage, child.pid, { endpoint: options.onEndpoint, progress: options.onProgress });
  let killer: NodeJS.Timeout | undefined;
  const stop = () => {
    child.kill('SIGTERM');
    killer = setTimeout(() => child.kill('SIGKILL'), options.graceSeconds * 1000);
  };
  if (options.signal.aborted) stop();
  options.signal.addEventListener('abort', stop, { once: true });
  try {
    return await new Promise<AttemptEnd>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (exitCode, signal) => resolve({ exitCode, signal }));
    });
  } finally {
    options.signal.removeEventListener('abort', stop);
    clearTimeout(killer);
    stopWatching();
  }
}

/** What to say of a failed attempt: the stage's own message if it could leave one. */
export async function explainFailure(stage: Stage, end: AttemptEnd): Promise<string> {
  const result = await readResult(stage);
  if (result?.status === 'failed' && result.message !== undefined) return result.message;
  const how = end.signal === null ? `ended with exit status ${end.exitCode}` : `was killed by ${end.signal}`;
  const guess = end.signal === 'SIGKILL' ? ' (out of memory?)' : '';
  const tail = await readTail(join(stageDirectory(stage), 'stderr.txt'), TAIL_BYTES);
  return [`StageFailed: the process ${how}${guess}`, ...tail.split('\n').filter((line) => line !== '')].join('\n  ');
}
