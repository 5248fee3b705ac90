import { parentPort, workerData } from 'node:worker_threads';
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib';
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from 'hyparquet';

/** What the thread answers to each `next`: the rows of another row group, the end, or why there is none. */
export type FromParquet =
  | { readonly rows: readonly Readonly<Record<string, unknown>>[] }
  | { readonly done: true }
  | { readonly problem: string };

type Unpack = (input: Uint8Array, options: { maxOutputLength: number }) => Uint8Array;

const unpacker = (unpack: Unpack) => (input: Uint8Array, length: number) =>
  unpack(input, { maxOutputLength: Math.max(1, length) });
/** Snappy the reader brings itself. */
const compressors = {
  GZIP: unpacker(gunzipSync),
  ZSTD: unpacker(zstdDecompressSync),
  BROTLI: unpacker(brotliDecompressSync),
};

// The thread in which a Parquet file is read: damaged counts in it can make the reader run on or take all memory.
const groups = rowGroups(workerData as string);
parentPort?.on('message', async () => parentPort?.postMessage(await answer()));

async function answer(): Promise<FromParquet> {
  try {
    const { value, done } = await groups.next();
    return done ? { done: true } : { rows: value };
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) };
  }
}

async function* rowGroups(path: string): AsyncGenerator<Readonly<Record<string, unknown>>[]> {
  const file = await asyncBufferFromFile(path);
  const metadata = await parquetMetadataAsync(file);
  let rowStart = 0;
  for (const group of metadata.row_groups) {
    const rowEnd = rowStart + Number(group.num_rows);
    const rows = await parquetReadObjects({ file, metadata, compressors, rowStart, rowEnd });
    yield rows.map((row) => plain(row) as Record<string, unknown>);
    rowStart = rowEnd;
  }
}

/** Values as JSON would have them. Whole numbers become numbers where they are exact as such, else their digits; times become ISO text. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, plain(inner)]));
}
