import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { SchemaElement } from 'hyparquet';
import { ByteWriter, parquetWriteRows } from 'hyparquet-writer';
import { diskError, syncDirectory, writeFileAtomic } from '../../crds/files.ts';
import type { Row } from './rows.ts';

/** Columns with fractions; all others hold whole numbers. */
const FLOATS: ReadonlySet<string> = new Set(['loss_scale']);

/**
 * Writes rows as JSON lines. The file appears whole or not at all.
 *
 * @returns the number of rows
 * @throws CftError DiskFull
 */
export async function writeJsonLines(path: string, rows: AsyncIterable<Row>): Promise<number> {
  const temporary = `${path}.partial`;
  let count = 0;
  try {
    const file = await open(temporary, 'w');
    try {
      for await (const row of rows) {
        await file.write(`${JSON.stringify(row)}\n`);
        count++;
      }
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    await syncDirectory(dirname(path));
    return count;
  } catch (error) {
    await rm(temporary, { force: true });
    throw diskError(error, path);
  }
}

/**
 * Writes rows as Parquet, each column a list of numbers. It is put together in memory, compressed. The file appears whole or not at all.
 *
 * @returns the number of rows
 * @throws CftError DiskFull
 */
export async function writeParquet(
  path: string,
  columns: readonly string[],
  rows: AsyncIterable<Row>,
): Promise<number> {
  const writer = new ByteWriter();
  let count = 0;
  async function* counted() {
    for await (const row of rows) {
      count++;
      yield { ...row };
    }
  }
  await parquetWriteRows({
    writer,
    rows: counted(),
    columns: columns.map((name) => ({ name })),
    schema: listSchema(columns),
  });
  await writeFileAtomic(path, new Uint8Array(writer.getBuffer()));
  return count;
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
