import { randomBytes } from 'node:crypto';
import { type FileHandle, mkdir, open, rename, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { CftError } from './errors.ts';

/**
 * Writes a file so that a reader sees the old content or the new content, never a part, also after a crash:
 * temporary name in the same directory, fsync, rename, fsync of the directory. Makes the directory where it is missing.
 *
 * @throws CftError DiskFull when the file system has no room; the temporary file is removed, `path` is as it was
 */
export async function writeFileAtomic(path: string, data: string | Uint8Array): Promise<void> {
  const directory = dirname(path);
  const temporary = join(directory, `.${randomBytes(6).toString('hex')}.tmp`);
  try {
    await mkdir(directory, { recursive: true });
    const file = await open(temporary, 'wx');
    try {
      await file.writeFile(data);
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

/**
 * The complete lines of a JSONL file that a killed writer may have left with a torn last line. A file that does not exist has none.
 * Blank lines are left out.
 *
 * @returns the parsed values, the byte length of the whole lines, and whether something torn follows them
 * @throws CftError CorruptFile for a whole line that is not JSON: that is damage, not a torn write
 */
export async function readJsonLines<T = unknown>(
  path: string,
): Promise<{ values: T[]; completeBytes: number; torn: boolean }> {
  const content = await readIfExists(path);
  const completeBytes = content.lastIndexOf(0x0a) + 1;
  const values: T[] = [];
  const lines = content.subarray(0, completeBytes).toString('utf8').split('\n');
  for (const [index, line] of lines.entries()) {
    if (line.trim() === '') continue;
    try {
      values.push(JSON.parse(line) as T);
    } catch (cause) {
      throw new CftError('CorruptFile', `line ${index + 1} is not JSON: ${preview(line)}`, {
        where: `${path}:${index + 1}`,
        hint: 'remove the file to start this stage again',
        cause,
      });
    }
  }
  return { values, completeBytes, torn: completeBytes < content.length };
}

/** Appends whole lines to a JSONL file; what `append` has resolved for is on disk. */
export interface JsonLinesWriter<T> {
  /** What the file held, whole lines only, when it was opened. */
  readonly existing: readonly T[];
  /** Writes the records as lines, then fsyncs. Calls must not overlap: await each. */
  append(records: readonly T[]): Promise<void>;
  close(): Promise<void>;
}

/**
 * Opens a JSONL file to go on after a kill at any point: keeps its whole lines, cuts a torn last one off, appends after them.
 *
 * @throws CftError CorruptFile as {@link readJsonLines}; DiskFull from `append`, which leaves no partial line behind
 * @example
 * const writer = await openJsonLines<Sample>(path);
 * const done = new Set(writer.existing.map((sample) => sample.id));
 * await writer.append([next]);
 * await writer.close();
 */
export async function openJsonLines<T>(path: string): Promise<JsonLinesWriter<T>> {
  await mkdir(dirname(path), { recursive: true });
  const { values, completeBytes } = await readJsonLines<T>(path);
  const file = await open(path, 'a');
  await file.truncate(completeBytes);
  await syncDirectory(dirname(path));
  let length = completeBytes;
  return {
    existing: values,
    async append(records) {
      const bytes = Buffer.from(records.map((record) => `${JSON.stringify(record)}\n`).join(''), 'utf8');
      await appendOrRestore(file, path, bytes, length);
      length += bytes.length;
    },
    close: () => file.close(),
  };
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

async function readIfExists(path: string): Promise<Buffer> {
  let file: FileHandle;
  try {
    file = await open(path, 'r');
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return Buffer.alloc(0);
    throw error;
  }
  try {
    return await file.readFile();
  } finally {
    await file.close();
  }
}

/** A full disk or an exceeded quota as a CftError; any other error as it is. */
export function diskError(error: unknown, path: string): unknown {
  if (!isErrno(error, 'ENOSPC') && !isErrno(error, 'EDQUOT')) return error;
  return new CftError('DiskFull', 'no space left to write the file', {
    where: path,
    hint: 'free some space and start again: finished work is kept',
    cause: error,
  });
}

function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && (error as NodeJS.ErrnoException).code === code;
}

function preview(line: string): string {
  return line.length > 60 ? `${line.slice(0, 60)}...` : line;
}
