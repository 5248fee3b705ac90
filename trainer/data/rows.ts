import { extname } from 'node:path';
import { CftError } from '../../crds/errors.ts';
import { readArrowRows } from './arrow-rows.ts';
import { readCsvRows } from './csv-rows.ts';
import { readJsonRows } from './json-rows.ts';
import { readParquetRows } from './parquet-rows.ts';
import { unpackedName } from './unpack.ts';

/** A row of a data set, by column, and where it stands: `train.jsonl:17`, or `train.json[16]`. */
export interface Row {
  readonly columns: Readonly<Record<string, unknown>>;
  readonly where: string;
}

const REFUSED: Readonly<Record<string, string>> = {
  '.zip': 'unpack it',
  '.xz': 'unpack it',
  '.bz2': 'unpack it',
  '.xlsx': 'save it as CSV',
};

/**
 * The rows of a file, read as they are asked for: CSV, TSV, Parquet and Arrow by their names, anything else as JSONL or as JSON that is an array of objects.
 *
 * @throws CftError FileNotFound; InvalidArgument for another kind of file; InvalidRecord or CorruptFile with file and line for broken content
 */
export function readRows(path: string): AsyncGenerator<Row> {
  const extension = extname(unpackedName(path)).toLowerCase();
  const hint = REFUSED[extension];
  if (hint !== undefined)
    throw new CftError('InvalidArgument', `a ${extension} file can't be read as a data set`, { where: path, hint });
  switch (extension) {
    case '.csv':
      return readCsvRows(path, ',');
    case '.tsv':
      return readCsvRows(path, '\t');
    case '.arrow':
      return readArrowRows(path);
    case '.parquet':
      return readParquetRows(path);
    default:
      return readJsonRows(path);
  }
}
