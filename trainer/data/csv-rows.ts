import { pipeline, Readable } from 'node:stream';
import { CftError } from '../../crds/errors.ts';
import type { Row } from './rows.ts';
import { readUnpacked } from './unpack.ts';

/**
 * The rows of a file with separated values, RFC 4180: the first line names the columns; quoted values can hold separators, quotes (doubled) and
 * line breaks. Every value is text.
 *
 * @throws CftError InvalidRecord with the line for a row of another length, a quote that never closes, or two columns of one name; CorruptFile for
 *   bytes that are not UTF-8
 */
export async function* readCsvRows(path: string, delimiter: string): AsyncGenerator<Row> {
  const { CsvError, parse } = await import('csv-parse');
  const parser = parse({
    bom: true,
    columns: (names: string[]) => checkedNames(names, path),
    delimiter,
    info: true,
    skip_empty_lines: true,
  });
  const records = pipeline(Readable.from(decoded(path)), parser, () => {}) as AsyncIterable<{
    record: Record<string, string>;
    info: { lines: number };
  }>;
  try {
    for await (const { record, info } of records) yield { columns: record, where: `${path}:${info.lines}` };
  } catch (cause) {
    if (!(cause instanceof CsvError)) throw cause;
    throw new CftError('InvalidRecord', `the row is not CSV: ${cause.message}`, {
      where: `${path}:${'lines' in cause ? cause.lines : '?'}`,
      hint: 'put values that hold the separator, a quote or a line break into double quotes, and double the quotes in them',
      cause,
    });
  }
}

function checkedNames(names: string[], path: string): string[] {
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice === undefined) return names;
  throw new CftError('InvalidRecord', `two columns are called "${twice}"`, {
    where: `${path}:1`,
    hint: 'give each column a name of its own in the first line',
  });
}

async function* decoded(path: string): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  try {
    for await (const chunk of readUnpacked(path)) yield decoder.decode(chunk, { stream: true });
    yield decoder.decode();
  } catch (cause) {
    if (cause instanceof CftError) throw cause;
    throw new CftError('CorruptFile', 'the file is not UTF-8 text', { where: path, hint: 'save it as UTF-8', cause });
  }
}
