import { readFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import type { z } from 'zod';
import { CftError } from '../crds/errors.ts';
import { checked } from './checked.ts';

/** Longest text: Node has no longer strings. */
const MAX_BYTES = 2 ** 29 - 25;

/**
 * The size in bytes of a file that a user gave us, or undefined where there is none.
 *
 * @throws CftError CorruptFile for a directory, a pipe or a device, which could keep a reader for ever; FileNotFound for what cannot be reached
 */
export async function inputFileSize(path: string): Promise<number | undefined> {
  try {
    const found = await stat(path);
    if (found.isFile()) return found.size;
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw unreadableFile(path, cause);
  }
  throw new CftError('CorruptFile', `${basename(path)} is no file`, {
    where: path,
    hint: 'put the file itself there, not a directory, pipe or device of its name',
  });
}

/**
 * The text of such a file, or undefined where there is none.
 *
 * @throws CftError as {@link inputFileSize}; CorruptFile for what is not UTF-8, or longer than a text can be
 */
export async function readInputText(path: string): Promise<string | undefined> {
  const size = await inputFileSize(path);
  if (size === undefined) return undefined;
  if (size > MAX_BYTES) throw corrupt(path, `is ${size} bytes long, too long for a text`);
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    throw unreadableFile(path, cause);
  }
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf)
    throw corrupt(path, 'begins with a byte-order mark', 'save it as UTF-8 without a byte-order mark');
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw corrupt(path, 'is not UTF-8', 'save it as UTF-8, or download it again', cause);
  }
}

/**
 * The content of such a JSON file, or undefined where there is none.
 *
 * @param hint what to do about JSON of another shape
 * @throws CftError as {@link readInputText}; CorruptFile for what is not JSON, InvalidConfig for JSON of another shape, with the field
 */
export async function readInputJson<T>(path: string, schema: z.ZodType<T>, hint: string): Promise<T | undefined> {
  const text = await readInputText(path);
  if (text === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    const isPointer = text.startsWith('version https://git-lfs');
    throw isPointer
      ? corrupt(path, 'is a Git LFS pointer, not the file', 'fetch the file itself, e.g. with `git lfs pull`')
      : corrupt(path, `is not JSON: ${(cause as Error).message}`, undefined, cause);
  }
  return checked(schema, value, { code: 'InvalidConfig', where: path, hint });
}

function corrupt(path: string, message: string, hint?: string, cause?: unknown): CftError {
  return new CftError('CorruptFile', `${basename(path)} ${message}`, {
    where: path,
    hint: hint ?? 'the file may be cut off or of another kind: copy or download it again',
    ...(cause === undefined ? {} : { cause }),
  });
}

/** A file that the user named and that is not there. */
export function noSuchFile(path: string, cause?: unknown): CftError {
  return new CftError('FileNotFound', 'the file does not exist', {
    where: path,
    hint: 'check the path; a relative one in a manifest starts at the folder of the manifest',
    cause,
  });
}

/** A file that is there, or should be, but gives nothing. */
export function unreadableFile(path: string, cause: unknown): CftError {
  return new CftError('FileNotFound', `${basename(path)} cannot be read: ${(cause as Error).message}`, {
    where: path,
    hint: 'check the path, its links, and that this user may read it',
    cause,
  });
}
