import { randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, mkdir, open, rename, stat, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { CftError } from './errors.ts';

/**
 * Writes a file so that a reader sees the old content or the new content, never a part, also after a crash:
 * temporary name in the same directory, fsync, rename, fsync of the directory. Makes the directory where it is missing.
 *
 * @throws CftError DiskFull when the file system has no room; the temporary file is removed, `path` is as it was
 */
export function writeFileAtomic(path: string, data: string | Uint8Array): Promise<void> {
  return replaceFile(path, (file) => file.writeFile(data));
}

/** As {@link writeFileAtomic}, for what is too large to be held at once: `write` puts it into the temporary file, and may fail. */
export async function replaceFile(path: string, write: (file: FileHandle) => Promise<void>): Promise<void> {
  const directory = dirname(path);
  const temporary = join(directory, `.${randomBytes(6).toString('hex')}.tmp`);
  try {
    await mkdir(directory, { recursive: true });
    const file = await open(temporary, 'wx');
    try {
      await write(file);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    await syncDirectory(directory);
  } catch (error) {
    await unlink(temporary).catch(() => undefined);
    throw diskError(error, path);
  }
}

/** {@link writeFileAtomic} of a value as JSON: two-space indent and a final newline, or one line when `compact`. */
export async function writeJsonAtomic(
  path: string,
  value: unknown,
  options: { compact?: boolean } = {},
): Promise<void> {
  await writeFileAtomic(path, `${JSON.stringify(value, null, options.compact ? undefined : 2)}\n`);
}

/** Makes a created, renamed or removed name in `directory` survive a power cut. */
export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** A whole line of a JSONL file: its value and its 1-based number. */
export interface JsonLine<T> {
  readonly value: T;
  readonly line: number;
}

/**
 * The whole lines of a JSONL file, one at a time, however large the file is; blank ones are left out. A last line without a newline was
 * torn by a killed writer and does not count. A file that does not exist has no lines.
 *
 * @throws CftError CorruptFile for a whole line that is not JSON: that is damage, not a torn write
 */
export async function* jsonLines<T = unknown>(path: string): AsyncGenerator<JsonLine<T>> {
  for await (const { bytes, line } of wholeLines(path)) {
    if (!isBlank(bytes)) yield { value: parseLine<T>(bytes, path, line), line };
  }
}

/**
 * All whole lines of a JSONL file, as {@link jsonLines}.
 *
 * @returns the parsed values, the byte length of the whole lines, and whether something torn follows them
 */
export async function readJsonLines<T = unknown>(
  path: string,
): Promise<{ values: T[]; completeBytes: number; torn: boolean }> {
  const values: T[] = [];
  const completeBytes = await readEach<T>(path, (value) => values.push(value));
  return { values, completeBytes, torn: completeBytes < (await sizeOf(path)) };
}

/** Appends whole lines to a JSONL file; what `append` has resolved for is on disk. */
export interface JsonLinesWriter<T, K = T> {
  /** What the file held, whole lines only, when it was opened; of each record what `pick` kept. */
  readonly existing: readonly K[];
  /** Writes the records as lines, then fsyncs. Calls must not overlap: await each. */
  append(records: readonly T[]): Promise<void>;
  close(): Promise<void>;
}

/**
 * Opens a JSONL file to go on after a kill at any point: keeps its whole lines, cuts a torn last one off, appends after them.
 *
 * @param pick what to keep in memory of each existing record; the record itself by default
 * @throws CftError CorruptFile as {@link jsonLines}; DiskFull from `append`, which leaves no partial line behind
 * @example
 * const writer = await openJsonLines<Sample, string>(path, (sample) => sample.id);
 * const done = new Set(writer.existing);
 * await writer.append([next]);
 * await writer.close();
 */
export async function openJsonLines<T, K = T>(
  path: string,
  pick: (record: T) => K = (record) => record as unknown as K,
): Promise<JsonLinesWriter<T, K>> {
  const existing: K[] = [];
  let length = await readEach<T>(path, (value) => existing.push(pick(value)));
  const file = await openForAppend(path, length);
  return {
    existing,
    async append(records) {
      const bytes = Buffer.from(records.map((record) => `${JSON.stringify(record)}\n`).join(''), 'utf8');
      await appendOrRestore(file, path, bytes, length);
      length += bytes.length;
    },
    close: () => file.close(),
  };
}

async function openForAppend(path: string, length: number): Promise<FileHandle> {
  try {
    await mkdir(dirname(path), { recursive: true });
    const file = await open(path, 'a');
    await file.truncate(length);
    await syncDirectory(dirname(path));
    return file;
  } catch (error) {
    throw diskError(error, path);
  }
}

async function appendOrRestore(file: FileHandle, path: string, bytes: Uint8Array, length: number): Promise<void> {
  try {
    await file.writeFile(bytes);
    await file.sync();
  } catch (error) {
    await file.truncate(length).catch(() => undefined);
    throw diskError(error, path);
  }
}

/** Calls `take` for every record; returns the byte length of the whole lines. */
async function readEach<T>(path: string, take: (value: T) => void): Promise<number> {
  let complete = 0;
  for await (const { bytes, line, end } of wholeLines(path)) {
    complete = end;
    if (!isBlank(bytes)) take(parseLine<T>(bytes, path, line));
  }
  return complete;
}

/** The bytes of each line that ends in a newline, without it, and the offset after it. */
async function* wholeLines(path: string): AsyncGenerator<{ bytes: Buffer; line: number; end: number }> {
  let offset = 0;
  let line = 0;
  let pieces: Buffer[] = [];
  for await (const chunk of chunks(path)) {
    let start = 0;
    for (let newline = chunk.indexOf(NEWLINE); newline >= 0; newline = chunk.indexOf(NEWLINE, start)) {
      pieces.push(chunk.subarray(start, newline));
      start = newline + 1;
      yield { bytes: Buffer.concat(pieces), line: ++line, end: offset + start };
      pieces = [];
    }
    if (start < chunk.length) pieces.push(chunk.subarray(start));
    offset += chunk.length;
  }
}

async function sizeOf(path: string): Promise<number> {
  return (await stat(path).catch(() => undefined))?.size ?? 0;
}

function isBlank(bytes: Buffer): boolean {
  return bytes.every((byte) => byte === 0x20 || byte === 0x0d || byte === 0x09);
}

const NEWLINE = 0x0a;

async function* chunks(path: string): AsyncGenerator<Buffer> {
  try {
    yield* createReadStream(path, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>;
  } catch (error) {
    if (!isErrno(error, 'ENOENT')) throw diskError(error, path);
  }
}

function parseLine<T>(bytes: Buffer, path: string, line: number): T {
  const text = bytes.toString('utf8');
  try {
    return JSON.parse(text) as T;
  } catch (cause) {
    throw new CftError('CorruptFile', `line ${line} is not JSON: ${preview(text)}`, {
      where: `${path}:${line}`,
      hint: 'remove the file to start this stage again',
      cause,
    });
  }
}

const REFUSALS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
  ENOTDIR: 'a part of the path is not a directory',
  EISDIR: 'it is a directory',
};

/** What the file system refused, as a CftError: DiskFull for no room, InvalidArgument for a path that can't be used. Any other error as it is. */
export function diskError(error: unknown, path: string): unknown {
  if (isErrno(error, 'ENOSPC') || isErrno(error, 'EDQUOT')) {
    const hint = 'free some space and start again: finished work is kept';
    return new CftError('DiskFull', 'no space left to write the file', { where: path, hint, cause: error });
  }
  const refusal = error instanceof Error ? REFUSALS[(error as NodeJS.ErrnoException).code ?? ''] : undefined;
  if (refusal === undefined) return error;
  return new CftError('InvalidArgument', `cannot use this file: ${refusal}`, {
    where: path,
    hint: 'check its permissions, or choose another place',
    cause: error,
  });
}

function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && (error as NodeJS.ErrnoException).code === code;
}

function preview(line: string): string {
  return line.length > 60 ? `${line.slice(0, 60)}...` : line;
}
