import { stat } from 'node:fs/promises';
import { CftError } from '../../crds/errors.ts';
import type { Row } from './rows.ts';

/**
 * The rows of a Parquet file, a row group at a time. Whole numbers become numbers where they are exact as such, else their digits; times become ISO text.
 *
 * @throws CftError FileNotFound; CorruptFile for a file that is not Parquet, was cut, or uses what the reader does not know
 */
export async function* readParquetRows(path: string): AsyncGenerator<Row> {
  const found = await stat(path).catch((cause: Error) => {
    throw new CftError('FileNotFound', 'the file does not exist', { where: path, hint: 'check the path', cause });
  });
  if (!found.isFile()) throw new CftError('FileNotFound', 'this is no file', { where: path });
  const { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } = await import('hyparquet');
  const { compressors } = await import('hyparquet-compressors');
  const readable = async <T>(read: () => Promise<T>): Promise<T> => {
    try {
      return await read();
    } catch (cause) {
      throw new CftError('CorruptFile', `the file can't be read as Parquet: ${(cause as Error).message}`, {
        where: path,
        hint: 'the file is damaged, was not copied whole, or is no Parquet file',
        cause,
      });
    }
  };
  const file = await readable(() => asyncBufferFromFile(path));
  const metadata = await readable(() => parquetMetadataAsync(file));
  let start = 0;
  for (const group of metadata.row_groups) {
    const rowStart = start;
    const rowEnd = rowStart + Number(group.num_rows);
    const rows = await readable(() => parquetReadObjects({ file, metadata, compressors, rowStart, rowEnd }));
    for (const [i, row] of rows.entries())
      yield { columns: plain(row) as Row['columns'], where: `${path}[${rowStart + i}]` };
    start = rowEnd;
  }
}

/** Values as JSON would have them. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, plain(inner)]));
}
