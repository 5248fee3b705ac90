import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { z } from 'zod';
import { readInputJson } from './input-file.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'cft-input-'));
});
afterEach(() => rm(dir, { recursive: true }));

const schema = z.object({ a: z.object({ b: z.number() }) });
const GOOD = '{"a": {"b": 5}}';
const POINTER = 'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n';
const read = (path: string) => readInputJson(path, schema, 'a hint');

test('a file is read; one that is not there is undefined', async () => {
  const path = join(dir, 'x.json');
  expect(await read(path)).toBeUndefined();
  await writeFile(path, GOOD);
  expect(await read(path)).toEqual({ a: { b: 5 } });
});

type Make = (path: string) => unknown;
test.each<[string, Make, string, string]>([
  ['a directory', (path) => mkdir(path), 'CorruptFile', 'is no file'],
  ['a pipe, from which nothing ever comes', (path) => execFileSync('mkfifo', [path]), 'CorruptFile', 'is no file'],
  ['a device without an end', (path) => symlink('/dev/zero', path), 'CorruptFile', 'is no file'],
  ['a link to itself', (path) => symlink(path, path), 'FileNotFound', 'cannot be read: ELOOP'],
  ['nothing', (path) => writeFile(path, ''), 'CorruptFile', 'is not JSON'],
  ['half of it', (path) => writeFile(path, GOOD.slice(0, 7)), 'CorruptFile', 'is not JSON'],
  ['a Git LFS pointer', (path) => writeFile(path, POINTER), 'CorruptFile', 'is a Git LFS pointer'],
  ['a byte-order mark', (path) => writeFile(path, `\ufeff${GOOD}`), 'CorruptFile', 'byte-order mark'],
  ['UTF-16', (path) => writeFile(path, `\ufeff${GOOD}`, 'utf16le'), 'CorruptFile', 'is not UTF-8'],
  ['a byte of Latin-1', (path) => writeFile(path, '{"é": 1}', 'latin1'), 'CorruptFile', 'is not UTF-8'],
  ['another type', (path) => writeFile(path, '{"a": {"b": "5"}}'), 'InvalidConfig', 'a.b: '],
  ['another whole', (path) => writeFile(path, '[]'), 'InvalidConfig', 'the root: '],
])('%s is refused', async (_, make, code, message) => {
  const path = join(dir, 'x.json');
  await make(path);
  await expect(read(path)).rejects.toMatchObject({
    name: 'CftError',
    code,
    where: path,
    message: expect.stringContaining(message),
    hint: expect.stringMatching(/./),
  });
});
