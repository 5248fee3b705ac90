import { createReadStream } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import type { z } from 'zod';
import { CftError } from '../../crds/errors.ts';
import { checked } from '../checked.ts';

/** A JSONL file's line: its 1-based number and its text. */
export interface Line {
  readonly number: number;
  readonly text: string;
}

/** The JSON file's value, or undefined when there is no such file. Throws CftError CorruptFile when it is not JSON or not of the shape. */
export async function readJson<T>(path: string, schema: z.ZodType<T>): Promise<T | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
  return check(schema, parse(text, path), path);
}

/** The lines of a text file that are not blank, read as a stream; none when there is no such file. */
export async function* lines(path: string): AsyncGenerator<Line> {
  const input = createReadStream(path, 'utf8');
  let number = 0;
  try {
    for await (const text of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
      number++;
      if (text.trim() !== '') yield { number, text };
    }
  } catch (error) {
    if (!isMissing(error)) throw error;
  } finally {
    input.destroy();
  }
}

/**
 * The records of a JSONL file. A last line that is not JSON is left out, as a writer that was stopped may have left it; any other such
 * line, and a record that is not of the shape, is a CftError CorruptFile with its line number.
 */
export async function* records<T>(path: string, schema: z.ZodType<T>): AsyncGenerator<{ line: number; value: T }> {
  let torn: CftError | undefined;
  for await (const { number, text } of lines(path)) {
    if (torn !== undefined) throw torn;
    const where = `${path}:${number}`;
    let value: unknown;
    try {
      value = parse(text, where);
    } catch (error) {
      if (!(error instanceof CftError)) throw error;
      torn = error;
      continue;
    }
    yield { line: number, value: check(schema, value, where) };
  }
}

/** Names in a directory, sorted; none when there is no such directory. */
export async function names(directory: string): Promise<string[]> {
  try {
    return (await readdir(directory)).sort();
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

/** The value if it has the shape; otherwise a CftError CorruptFile that names the first field at fault. */
export function check<T>(schema: z.ZodType<T>, value: unknown, where: string): T {
  return checked(schema, value, {
    code: 'CorruptFile',
    where,
    hint: 'the file was written by another version or changed by hand: run the stage that writes it again',
  });
}

function parse(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new CftError('CorruptFile', `not JSON: ${cause instanceof Error ? cause.message : String(cause)}`, {
      where,
      hint: 'remove the file and run the stage that writes it again',
      cause,
    });
  }
}

function isMissing(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'ENOENT' || code === 'ENOTDIR';
}
