import { extname } from 'node:path';
import { pipeline, Readable } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { CftError } from '../../crds/errors.ts';
import { readFileChunks } from './jsonl.ts';

const UNPACKERS = { '.gz': createGunzip, '.zst': createZstdDecompress } as const;

/** The name without the ending of a compressed file: `train.jsonl.gz` is a `train.jsonl`. */
export function unpackedName(path: string): string {
  const extension = extname(path).toLowerCase();
  return extension in UNPACKERS ? path.slice(0, -extension.length) : path;
}

/**
 * The bytes of a file, unpacked where its name ends in `.gz` or `.zst`.
 *
 * @throws CftError FileNotFound; CorruptFile for a damaged or cut archive
 */
export async function* readUnpacked(path: string): AsyncGenerator<Uint8Array> {
  const chunks = readFileChunks(path);
  const unpacker = UNPACKERS[extname(path).toLowerCase() as keyof typeof UNPACKERS];
  if (unpacker === undefined) return yield* chunks;
  try {
    // A failure of the source or of the unpacking ends the reading below with it.
    yield* pipeline(Readable.from(chunks), unpacker(), () => {}) as AsyncIterable<Uint8Array>;
  } catch (cause) {
    if (cause instanceof CftError) throw cause;
    throw new CftError('CorruptFile', `the archive can't be unpacked: ${(cause as Error).message}`, {
      where: path,
      hint: 'the file is damaged or was not copied whole: copy it again',
      cause,
    });
  }
}
