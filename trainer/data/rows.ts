import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { CftError } from '../../crds/errors.ts';
import { isLocalSource } from '../../crds/source.ts';
import { parseJsonLine, readFileChunks } from './jsonl.ts';
import { lineBatches } from './lines.ts';

/** A row of a data set, by column, and where it stands: `train.jsonl:17`, or `train.json[16]`. */
export interface Row {
  readonly columns: Readonly<Record<string, unknown>>;
  readonly where: string;
}

/**
 * The rows of a data set: a JSONL file, read as the rows are asked for, or a JSON file that is an array of objects. Which of the two is
 * told by the content, not by the name.
 *
 * @throws CftError FileNotFound; InvalidArgument for another kind of file; InvalidRecord or CorruptFile with file and line for broken content
 */
export async function* readRows(source: string): AsyncGenerator<Row> {
  refuseOtherFormats(source);
  let isFirst = true;
  for await (const batch of lineBatches(readFileChunks(source), source)) {
    for (const line of batch) {
      if (isFirst && line.text.trimStart().startsWith('[')) return yield* arrayRows(source);
      isFirst = false;
      const where = `${source}:${line.line}`;
      yield { columns: toColumns(parseJsonLine(line, source), where), where };
    }
  }
}

async function* arrayRows(source: string): AsyncGenerator<Row> {
  const text = (await readFile(source, 'utf8')).replace(/^\uFEFF/, '');
  let rows: unknown;
  try {
    rows = JSON.parse(text);
  } catch (cause) {
    const at = /position (\d+)/.exec((cause as Error).message)?.[1];
    const line = at === undefined ? undefined : text.slice(0, Number(at)).split('\n').length;
    throw new CftError('InvalidRecord', `the file is not JSON: ${(cause as Error).message}`, {
      where: line === undefined ? source : `${source}:${line}`,
      hint: 'the file must be an array of objects, or one object a line',
      cause,
    });
  }
  for (const [i, value] of (rows as unknown[]).entries()) {
    const where = `${source}[${i}]`;
    yield { columns: toColumns(value, where), where };
  }
}

function toColumns(value: unknown, where: string): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  const kind = value === null ? 'null' : Array.isArray(value) ? 'an array' : `a ${typeof value}`;
  throw new CftError('InvalidRecord', `a row must be a JSON object, this is ${kind}`, {
    where,
    value,
    hint: 'write rows like {"question": "...", "answer": "..."}',
  });
}

function refuseOtherFormats(source: string): void {
  if (!isLocalSource(source)) {
    throw new CftError('InvalidArgument', 'only files of this machine can be read as a data set', {
      where: source,
      hint: 'download the data set and pass the path of a JSONL file',
    });
  }
  const extension = extname(source).toLowerCase();
  if (!['.csv', '.tsv', '.parquet', '.arrow', '.gz', '.zst', '.zip', '.xz'].includes(extension)) return;
  throw new CftError('InvalidArgument', `a ${extension} file can't be read as a data set`, {
    where: source,
    hint: 'convert it to JSONL: one object a line, such as {"question": "...", "answer": "..."}',
  });
}
