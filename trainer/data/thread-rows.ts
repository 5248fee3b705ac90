import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { CftError } from '../../crds/errors.ts';
import { inputFileSize, noSuchFile } from '../input-file.ts';
import type { FromThread } from './row-batches.ts';
import type { Row } from './rows.ts';

/** A format that a library reads in a thread of its own: damaged counts in a file can make it run on or take all memory. */
export interface ThreadFormat {
  readonly name: string;
  /** The thread's module, which gets the path as its data and calls `serveBatches`. */
  readonly module: URL;
  /** What one answer of the thread holds. */
  readonly batch: string;
}

/** Longest that one batch may take. */
const TIME_LIMIT_MS = 120_000;
const MEMORY_LIMIT_MB = 4096;

/**
 * The rows of a file, a batch at a time.
 *
 * @param limitMs a batch that takes longer is taken for damaged
 * @throws CftError FileNotFound; CorruptFile for what is no file, is of another format, is damaged or cut, or uses what the reader does not know
 */
export async function* threadRows(
  path: string,
  format: ThreadFormat,
  limitMs: number = TIME_LIMIT_MS,
): AsyncGenerator<Row> {
  if ((await inputFileSize(path)) === undefined) throw noSuchFile(path);
  const worker = new Worker(format.module, {
    name: `cft-${format.name.toLowerCase()}`,
    workerData: path,
    resourceLimits: { maxOldGenerationSizeMb: MEMORY_LIMIT_MB },
  });
  try {
    let number = 0;
    for (;;) {
      const answer = await nextBatch(worker, format, limitMs);
      if ('done' in answer) return;
      if ('problem' in answer) throw corrupt(path, format, answer.problem);
      for (const columns of answer.rows) yield { columns, where: `${path}[${number++}]` };
    }
  } finally {
    await worker.terminate();
  }
}

async function nextBatch(worker: Worker, { batch }: ThreadFormat, limitMs: number): Promise<FromThread> {
  worker.postMessage('next');
  try {
    const [answer] = (await once(worker, 'message', { signal: AbortSignal.timeout(limitMs) })) as [FromThread];
    return answer;
  } catch (error) {
    const { name, message } = error as Error;
    return { problem: name === 'AbortError' ? `${batch} takes longer than ${limitMs / 1000} s` : message };
  }
}

function corrupt(path: string, { name }: ThreadFormat, problem: string): CftError {
  return new CftError('CorruptFile', `the file can't be read as ${name}: ${problem}`, {
    where: path,
    hint: `the file is damaged, was not copied whole, or is no ${name} file`,
  });
}
