import { workerData } from 'node:worker_threads';
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib';
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from 'hyparquet';
import { serveBatches } from './row-batches.ts';

type Unpack = (input: Uint8Array, options: { maxOutputLength: number }) => Uint8Array;

const unpacker = (unpack: Unpack) => (input: Uint8Array, length: number) =>
  unpack(input, { maxOutputLength: Math.max(1, length) });
/** Snappy the reader brings itself. */
const compressors = {
  GZIP: unpacker(gunzipSync),
  ZSTD: unpacker(zstdDecompressSync),
  BROTLI: unpacker(brotliDecompressSync),
};

const UTF8 = new TextDecoder('utf-8', { fatal: true });
/** Texts; what is none stays bytes, so that reading it as a text fails with its row. */
const parsers = {
  stringFromBytes(bytes: Uint8Array | undefined): unknown {
    try {
      return bytes && UTF8.decode(bytes);
    } catch {
      return bytes;
    }
  },
};

serveBatches(rowGroups(workerData as string));

async function* rowGroups(path: string): AsyncGenerator<unknown[]> {
  const file = await asyncBufferFromFile(path);
  const metadata = await parquetMetadataAsync(file);
  let rowStart = 0;
  for (const group of metadata.row_groups) {
    const rowEnd = rowStart + Number(group.num_rows);
    yield await parquetReadObjects({ file, metadata, compressors, parsers, rowStart, rowEnd });
    rowStart = rowEnd;
  }
}
