import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { CftError } from '../../crds/errors.ts';
import { noSuchFile, unreadableFile } from '../input-file.ts';
import { type Line, lineBatches } from './lines.ts';

/** A JSON value and the number of the line that it stands on. */
export interface JsonLine {
  readonly value: unknown;
  readonly line: number;
}

/**
 * The values of a JSONL file, read as they are asked for. Blank lines are left out.
 *
 * @throws CftError FileNotFound; InvalidRecord with file and line for a line that is not JSON; CorruptFile for one that is not UTF-8
 * @example for await (const { value, line } of readJsonl('train.jsonl')) ...
 */
export async function* readJsonl(path: string): AsyncGenerator<JsonLine> {
  for await (const batch of lineBatches(readFileChunks(path), path)) {
    for (const line of batch) yield { value: parseJsonLine(line, path), line: line.line };
  }
}

/** The JSON value of one line. @throws CftError InvalidRecord */
export function parseJsonLine({ text, line }: Line, name: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new CftError('InvalidRecord', `the line is not JSON: ${(cause as Error).message}`, {
      where: `${name}:${line}`,
      value: text.slice(0, 200),
      hint: 'each line must be one JSON value, with double quotes and without a trailing comma',
      cause,
    });
  }
}

/** The bytes of a file. @throws CftError FileNotFound when it can't be read, or is a directory */
export async function* readFileChunks(path: string): AsyncGenerator<Uint8Array> {
  const found = await stat(path).catch((cause: NodeJS.ErrnoException) => {
    throw cause.code === 'ENOENT' ? noSuchFile(path, cause) : unreadableFile(path, cause);
  });
  if (found.isDirectory()) {
    throw new CftError('FileNotFound', 'this is a directory, not a file', {
      where: path,
      hint: 'pass the JSONL file itself',
    });
  }
  try {
    for await (const chunk of createReadStream(path)) yield chunk as Uint8Array;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).syscall === undefined) throw cause;
    throw unreadableFile(path, cause);
  }
}
