import { once } from 'node:events';
import { stat } from 'node:fs/promises';
import { Worker } from 'node:worker_threads';
import { CftError } from '../../crds/errors.ts';
import type { FromParquet } from './parquet-thread.ts';
import type { Row } from './rows.ts';

/** Longest that one row group may take. */
const TIME_LIMIT_MS = 120_000;
const MEMORY_LIMIT_MB = 4096;

/**
 * The rows of a Parquet file, a row group at a time, read in a thread of its own.
 *
 * @param limitMs a row group that takes longer is taken for damaged
 * @throws CftError FileNotFound; CorruptFile for a file that is not Parquet, is damaged or cut, or uses what the reader does not know
 */
export async function* readParquetRows(path: string, limitMs = TIME_LIMIT_MS): AsyncGenerator<Row> {
  const found = await stat(path).catch((cause: Error) => {
    throw new CftError('FileNotFound', 'the file does not exist', { where: path, hint: 'check the path', cause });
  });
  if (!found.isFile()) throw new CftError('FileNotFound', 'this is no file', { where: path });
  const worker = new Worker(new URL('./parquet-thread.ts', import.meta.url), {
    name: 'cft-parquet',
    workerData: path,
    resourceLimits: { maxOldGenerationSizeMb: MEMORY_LIMIT_MB },
  });
  try {
    let number = 0;
    for (;;) {
      const answer = await nextGroup(worker, limitMs);
      if ('done' in answer) return;
      if ('problem' in answer) throw corrupt(path, answer.problem);
      for (const columns of answer.rows) yield { columns, where: `${path}[${number++}]` };
    }
  } finally {
    await worker.terminate();
  }
}

async function nextGroup(worker: Worker, limitMs: number): Promise<FromParquet> {
  worker.postMessage('next');
  try {
    const [answer] = (await once(worker, 'message', { signal: AbortSignal.timeout(limitMs) })) as [FromParquet];
    return answer;
  } catch (error) {
    const { name, message } = error as Error;
    return { problem: name === 'AbortError' ? `a row group takes longer than ${limitMs / 1000} s` : message };
  }
}

function corrupt(path: string, problem: string): CftError {
  return new CftError('CorruptFile', `the file can't be read as Parquet: ${problem}`, {
    where: path,
    hint: 'the file is damaged, was not copied whole, or is no Parquet file',
  });
}
