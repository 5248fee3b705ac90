import type { SchemaElement } from 'hyparquet';
import { ByteWriter, parquetWriteRows } from 'hyparquet-writer';
import { replaceFile, writeFileAtomic } from '../../crds/files.ts';
import type { Row } from './rows.ts';

/** Columns with fractions; all others hold whole numbers. */
const FLOATS: ReadonlySet<string> = new Set(['loss_scale']);

/**
 * Writes rows as JSON lines. The file appears whole or not at all.
 *
 * @throws CftError DiskFull
 */
export async function writeJsonLines(path: string, rows: AsyncIterable<Row>): Promise<void> {
  await replaceFile(path, async (file) => {
    for await (const row of rows) await file.write(`${JSON.stringify(row)}\n`);
  });
}

/**
 * Writes rows as Parquet, each column a list of numbers. It is put together in memory, compressed. The file appears whole or not at all.
 *
 * @throws CftError DiskFull
 */
export async function writeParquet(path: string, columns: readonly string[], rows: AsyncIterable<Row>): Promise<void> {
  const writer = new ByteWriter();
  await parquetWriteRows({ writer, rows, columns: columns.map((name) => ({ name })), schema: listSchema(columns) });
  await writeFileAtomic(path, new Uint8Array(writer.getBuffer()));
}

/** Parquet's three-level lists, as its specification and pyarrow write them. */
function listSchema(columns: readonly string[]): SchemaElement[] {
  return [
    { name: 'root', num_children: columns.length },
    ...columns.flatMap((name): SchemaElement[] => [
      { name, repetition_type: 'OPTIONAL', num_children: 1, converted_type: 'LIST', logical_type: { type: 'LIST' } },
      { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
      { name: 'element', repetition_type: 'OPTIONAL', type: FLOATS.has(name) ? 'FLOAT' : 'INT32' },
    ]),
  ];
}
