import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createRandom } from '../random.ts';
import { readArrowRows } from './arrow-rows.ts';
import { dataFiles } from './dataset-directory.ts';
import { readRows } from './rows.ts';

const testdata = join(import.meta.dirname, 'testdata');
const preferred = ['train'];
let dir: string;
let rows: unknown[];
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'cft-saved-'));
  const text = await readFile(join(testdata, 'rows.json'), 'utf8');
  // Whole numbers beyond 2^53 keep their digits.
  rows = JSON.parse(text.replace(/"big": (\d+)/g, '"big": "$1"'));
});
afterAll(() => rm(dir, { recursive: true }));

async function columns(path: string, split?: string): Promise<unknown[]> {
  const files = await dataFiles(path, { split, preferred });
  const found = await Promise.all(files.map((file) => Array.fromAsync(readRows(file))));
  return found.flat().map((row) => row.columns);
}
async function copyOf(name: string): Promise<string> {
  const path = await mkdtemp(join(dir, 'copy-'));
  await cp(join(testdata, name), path, { recursive: true });
  return path;
}

describe('a directory that Hugging Face datasets saved', () => {
  test('has all rows of all its files, with nested and large columns', async () => {
    expect(await columns(join(testdata, 'saved'))).toEqual(rows);
  });

  test('has its splits by name', async () => {
    expect(await columns(join(testdata, 'saved-splits'))).toEqual(rows.slice(0, 8));
    expect(await columns(join(testdata, 'saved-splits'), 'held_out')).toEqual([rows[11], rows[8]]);
    await expect(columns(join(testdata, 'saved-splits'), 'test')).rejects.toMatchObject({ code: 'InvalidArgument' });
  });

  test('is read in the order of its state.json, without what that does not list', async () => {
    const path = await copyOf('saved');
    const listed = ['data-00002-of-00003.arrow', 'data-00000-of-00003.arrow'];
    await writeFile(
      join(path, 'state.json'),
      JSON.stringify({ _data_files: listed.map((filename) => ({ filename })) }),
    );
    expect(await columns(path)).toEqual([...rows.slice(8), ...rows.slice(0, 4)]);
  });
});

describe('a broken one is told with its file', () => {
  test('a file that is missing', async () => {
    const path = await copyOf('saved');
    await rm(join(path, 'data-00001-of-00003.arrow'));
    await expect(columns(path)).rejects.toMatchObject({
      code: 'CorruptFile',
      where: join(path, 'state.json'),
      message: expect.stringContaining('data-00001-of-00003.arrow'),
      hint: expect.stringContaining('copy it again'),
    });
  });

  test.each(['', '{', '{"_data_files": "all"}'])('a state.json with %j', async (text) => {
    const path = await copyOf('saved');
    await writeFile(join(path, 'state.json'), text);
    await expect(columns(path)).rejects.toMatchObject({ code: 'CorruptFile', where: join(path, 'state.json') });
  });

  test('a file cut anywhere is no shorter data set', async () => {
    const path = join(await copyOf('saved'), 'data-00000-of-00003.arrow');
    const whole = await readFile(path);
    for (const length of [0, 7, 100, 1000, whole.length - 8, whole.length - 1]) {
      await writeFile(path, whole.subarray(0, length));
      await expect(Array.fromAsync(readArrowRows(path))).rejects.toMatchObject({ code: 'CorruptFile', where: path });
    }
    await writeFile(path, 'question,answer\n');
    await expect(Array.fromAsync(readArrowRows(path))).rejects.toMatchObject({ code: 'CorruptFile', where: path });
  });

  test('damaged bytes end in an error or in other text, in bounded time', async () => {
    const path = join(await copyOf('saved'), 'data-00000-of-00003.arrow');
    const whole = await readFile(path);
    const random = createRandom(1);
    for (let i = 0; i < 12; i++) {
      const damaged = Buffer.from(whole);
      for (let k = 0; k < 3; k++) damaged[random.int(damaged.length)] = random.int(256);
      await writeFile(path, damaged);
      await Array.fromAsync(readArrowRows(path, 3000)).catch((error) =>
        expect(error).toMatchObject({ code: 'CorruptFile', where: path }),
      );
    }
  });
});
