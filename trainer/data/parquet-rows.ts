import type { Row } from './rows.ts';
import { threadRows } from './thread-rows.ts';

const PARQUET = { name: 'Parquet', module: new URL('./parquet-thread.ts', import.meta.url), batch: 'a row group' };

/** The rows of a Parquet file, a row group at a time. @throws CftError as `threadRows` says */
export function readParquetRows(path: string, limitMs?: number): AsyncGenerator<Row> {
  return threadRows(path, PARQUET, limitMs);
}
