import type { SchemaElement } from 'hyparquet';
import { ByteWriter, parquetWriteRows } from 'hyparquet-writer';
import { replaceFile, writeFileAtomic } from '../../crds/files.ts';
import type { Row } from './rows.ts';

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
 * Writes rows as Parquet. It is put together in memory, compressed. The file appears whole or not at all.
 *
 * @throws CftError DiskFull
 */
export async function writeParquet(path: string, columns: readonly string[], rows: AsyncIterable<Row>): Promise<void> {
  const writer = new ByteWriter();
  await parquetWriteRows({ writer, rows, columns: columns.map((name) => ({ name })), schema: schemaOf(columns) });
  await writeFileAtomic(path, new Uint8Array(writer.getBuffer()));
}

function schemaOf(columns: readonly string[]): SchemaElement[] {
  return struct('root', ...columns.map((name) => COLUMNS[name] ?? list(name, value('element', 'INT32'))));
}

/** Those that are no list of whole numbers. */
const COLUMNS: Readonly<Record<string, SchemaElement[]>> = {
  messages: list(
    'messages',
    struct(
      'element',
      [{ name: 'role', repetition_type: 'OPTIONAL', type: 'BYTE_ARRAY', converted_type: 'UTF8' }],
      struct('content', list('token_ids', value('element', 'INT32')), list('loss_scale', value('element', 'FLOAT'))),
    ),
  ),
  add_eos: value('add_eos', 'BOOLEAN'),
};

/** Parquet's three-level lists, as its specification and pyarrow write them. */
function list(name: string, element: readonly SchemaElement[]): SchemaElement[] {
  return [
    { name, repetition_type: 'OPTIONAL', num_children: 1, converted_type: 'LIST', logical_type: { type: 'LIST' } },
    { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
    ...element,
  ];
}

function struct(name: string, ...fields: readonly (readonly SchemaElement[])[]): SchemaElement[] {
  return [{ name, repetition_type: 'OPTIONAL', num_children: fields.length }, ...fields.flat()];
}

function value(name: string, type: 'INT32' | 'FLOAT' | 'BOOLEAN'): SchemaElement[] {
  return [{ name, repetition_type: 'OPTIONAL', type }];
}
