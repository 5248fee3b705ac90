import { type FileHandle, open } from 'node:fs/promises';
import { workerData } from 'node:worker_threads';
import { RecordBatchReader } from 'apache-arrow';
import { serveBatches } from './row-batches.ts';

const MAGIC = Buffer.from('ARROW1');
const END_OF_STREAM = Buffer.from('ffffffff00000000', 'hex');

serveBatches(recordBatches(workerData as string));

async function* recordBatches(path: string): AsyncGenerator<unknown[]> {
  const file = await open(path);
  try {
    await refuseCut(file);
    for await (const batch of await RecordBatchReader.from(file)) yield batch.toArray();
  } finally {
    await file.close().catch(() => undefined);
  }
}

/** Without its end, a stream could pass for a shorter one. */
async function refuseCut(file: FileHandle): Promise<void> {
  const { size } = await file.stat();
  const [first, last] = [await readAt(file, 0, 8), await readAt(file, size - 8, 8)];
  const end = first.subarray(0, MAGIC.length).equals(MAGIC) ? MAGIC : END_OF_STREAM;
  if (size < 16 || !last.subarray(-end.length).equals(end)) throw new Error('its end is missing');
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, Math.max(0, position));
  return buffer.subarray(0, bytesRead);
}
