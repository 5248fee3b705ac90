import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createRandom } from '../random.ts';
import { readParquetRows } from './parquet-rows.ts';
import { readRows } from './rows.ts';

const testdata = join(import.meta.dirname, 'testdata');
let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'cft-formats-'));
});
afterAll(() => rm(dir, { recursive: true }));

async function file(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(dir, name);
  await mkdir(join(path, '..'), { recursive: true });
  await writeFile(path, content);
  return path;
}
async function columns(path: string): Promise<unknown[]> {
  return (await Array.fromAsync(readRows(path))).map((row) => row.columns);
}
const jsonl = (rows: readonly object[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join('');
const rows = [
  { question: 'a', answer: 1 },
  { question: 'é😀', answer: 2 },
];

describe('Parquet', () => {
  test.each(['none', 'snappy', 'zstd', 'gzip'])('%s: all row groups, nested values, exact numbers', async (codec) => {
    const text = await readFile(join(testdata, 'rows.json'), 'utf8');
    // Whole numbers beyond 2^53 keep their digits.
    const expected = JSON.parse(text.replace(/"big": (\d+)/g, '"big": "$1"'));
    expect(await columns(join(testdata, `${codec}.parquet`))).toEqual(expected);
  });

  test('damaged counts end in an error, in bounded time', async () => {
    const whole = await readFile(join(testdata, 'zstd.parquet'));
    const random = createRandom(1);
    for (let i = 0; i < 12; i++) {
      const damaged = Buffer.from(whole);
      for (let k = 0; k < 3; k++) damaged[random.int(damaged.length)] = random.int(256);
      const path = await file('damaged.parquet', damaged);
      // A flipped byte in a text is no error; anything else must be told as what it is.
      await Array.fromAsync(readParquetRows(path, 3000)).catch((error) =>
        expect(error).toMatchObject({ code: 'CorruptFile', where: path }),
      );
    }
  });

  test('a text that is not UTF-8 is not made one: it stays bytes, which no column may be', async () => {
    const bytes = await readFile(join(testdata, 'none.parquet'));
    bytes[bytes.indexOf('What is 3') + 2] = 0xff;
    const found = (await columns(await file('latin1.parquet', bytes))) as { question: unknown; answer: unknown }[];
    expect(found[3]).toMatchObject({ question: expect.any(Uint8Array), answer: 21 });
    expect(found[4]?.question).toContain('What is 4');
  });

  test('a cut, damaged or other file is told by name', async () => {
    const whole = await readFile(join(testdata, 'snappy.parquet'));
    for (const bytes of [whole.subarray(0, 500), Buffer.from('question,answer\n'), Buffer.alloc(0)]) {
      const path = await file('broken.parquet', bytes);
      await expect(columns(path)).rejects.toMatchObject({ code: 'CorruptFile', where: path });
    }
    await expect(columns(join(dir, 'none.parquet'))).rejects.toMatchObject({ code: 'FileNotFound' });
  });
});

describe('CSV', () => {
  test('quotes, separators and line breaks in values, a byte order mark, Windows line ends', async () => {
    const path = await file('a.csv', '\uFEFFquestion,answer\r\n"a, ""b""\nc",42\r\n\r\nd,"4,2"\r\n');
    const found = await Array.fromAsync(readRows(path));
    expect(found.map((row) => row.columns)).toEqual([
      { question: 'a, "b"\nc', answer: '42' },
      { question: 'd', answer: '4,2' },
    ]);
    expect(found[1]?.where).toBe(`${path}:5`);
  });

  test('tabs', async () => {
    expect(await columns(await file('a.tsv', 'question\tanswer\na, b\t42\n'))).toEqual([
      { question: 'a, b', answer: '42' },
    ]);
  });

  test('whatever is written is read back', async () => {
    const cell = fc.string({ unit: fc.constantFrom('"', ',', '\n', 'x', 'é', ' ', '😀') });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ q: cell, a: cell.map((text) => `${text}x`) }), { minLength: 1 }),
        async (written) => {
          const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;
          const text = `q,a\n${written.map(({ q, a }) => `${quoted(q)},${quoted(a)}\n`).join('')}`;
          expect(await columns(await file('property.csv', text))).toEqual(written);
        },
      ),
      { numRuns: 50 },
    );
  });

  test.each([
    ['a row of another length', 'q,a\n1,2\n3\n', /:3$/],
    ['a quote that never closes', 'q,a\n1,"2\n', /:\d$/],
    ['two columns of one name', 'q,q\n1,2\n', /:1$/],
  ])('%s is told with its line', async (_, text, where) => {
    const path = await file('broken.csv', text);
    await expect(columns(path)).rejects.toMatchObject({ code: 'InvalidRecord', where: expect.stringMatching(where) });
  });

  test('bytes that are not UTF-8', async () => {
    const path = await file('latin1.csv', Buffer.from([0x71, 0x0a, 0xff, 0x0a]));
    await expect(columns(path)).rejects.toMatchObject({ code: 'CorruptFile', where: path });
  });
});

describe('JSON', () => {
  test.each([
    ['an array', JSON.stringify(rows)],
    ['an object with a list', JSON.stringify({ data: rows })],
    ['a long object with a list', JSON.stringify({ version: 1, data: rows }, null, 2)],
  ])('%s', async (_, text) => {
    expect(await columns(await file('a.json', text))).toEqual(rows);
  });

  test('an object of rows by id', async () => {
    const expected = rows.map((row, i) => ({ id: `k${i}`, ...row }));
    const byId = Object.fromEntries(rows.map((row, i) => [`k${i}`, row]));
    expect(await columns(await file('b.json', JSON.stringify(byId)))).toEqual(expected);
    expect(await columns(await file('c.json', JSON.stringify(byId, null, 2)))).toEqual(expected);
  });
});

describe('packed files', () => {
  test.each([
    ['a.jsonl.gz', gzipSync(jsonl(rows))],
    ['a.json.gz', gzipSync(JSON.stringify(rows))],
    ['a.jsonl.zst', zstdCompressSync(jsonl(rows))],
  ])('%s', async (name, bytes) => {
    expect(await columns(await file(name, bytes))).toEqual(rows);
  });

  test('a cut archive is no shorter data set', async () => {
    const many = jsonl(Array.from({ length: 5000 }, (_, i) => ({ question: `${i} ${Math.sin(i)}`, answer: i })));
    const packed = gzipSync(many);
    const path = await file('cut.jsonl.gz', packed.subarray(0, packed.length - 100));
    await expect(columns(path)).rejects.toMatchObject({ code: 'CorruptFile', where: path });
  });
});

test.each(['a.zip', 'a.xlsx'])('%s is refused with a way out', async (name) => {
  expect(() => readRows(join(dir, name))).toThrow(/can't be read as a data set/);
});
