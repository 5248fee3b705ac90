import { execFile, spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { jsonLines, openJsonLines, readJsonLines, writeFileAtomic, writeJsonAtomic } from './files.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'cft-files-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

describe('writeFileAtomic', () => {
  test('makes the directory, replaces what was there, and leaves nothing else behind', async () => {
    const path = join(dir, 'new/result.json');
    await writeFileAtomic(path, 'first, and longer than the second');
    await writeJsonAtomic(path, { second: true }, { compact: true });
    expect(await readFile(path, 'utf8')).toBe('{"second":true}\n');
    expect(await readdir(join(dir, 'new'))).toEqual(['result.json']);
  });

  test('a path that is a directory is one clear error, and leaves no temporary file', async () => {
    await mkdir(join(dir, 'taken/inside'), { recursive: true });
    await expect(writeFileAtomic(join(dir, 'taken'), 'x')).rejects.toMatchObject({
      code: 'InvalidArgument',
      message: 'cannot use this file: it is a directory',
      where: join(dir, 'taken'),
    });
    expect(await readdir(dir)).toEqual(['taken']);
  });

  const withSmallDisk = (script: string) =>
    promisify(execFile)('unshare', ['-Urm', 'sh', '-c', `mount -t tmpfs -o size=64k none ${dir} && ${script}`]);
  const canMount = spawnSync('unshare', ['-Urm', 'mount', '-t', 'tmpfs', 'none', '/mnt']).status === 0;

  test.skipIf(!canMount)('on a full disk: DiskFull, the old content stays, no temporary file stays', async () => {
    const program = `
      import { readFileSync, readdirSync } from 'node:fs';
      import { openJsonLines, writeFileAtomic } from ${JSON.stringify(join(import.meta.dirname, 'files.ts'))};
      await writeFileAtomic('${dir}/a', 'old');
      const lines = await openJsonLines('${dir}/b');
      await lines.append([1]);
      const code = (error) => error.code;
      const codes = [
        await writeFileAtomic('${dir}/a', Buffer.alloc(100_000)).catch(code),
        await lines.append(['x'.repeat(100_000)]).catch(code),
      ];
      await lines.append([2]);
      console.log(JSON.stringify({ codes, a: readFileSync('${dir}/a', 'utf8'), b: readFileSync('${dir}/b', 'utf8'), names: readdirSync('${dir}') }));
    `;
    const { stdout } = await withSmallDisk(
      `"${process.execPath}" --input-type=module -e '${program.replaceAll("'", `'\\''`)}'`,
    );
    expect(JSON.parse(stdout)).toEqual({
      codes: ['DiskFull', 'DiskFull'],
      a: 'old',
      b: '1\n2\n',
      names: expect.arrayContaining(['a', 'b']),
    });
    expect(JSON.parse(stdout).names).toHaveLength(2);
  });
});

describe('JSON lines', () => {
  const records = fc.array(fc.record({ id: fc.string({ unit: 'grapheme' }), tokens: fc.array(fc.nat()) }), {
    maxLength: 6,
  });

  test('a writer killed at any byte goes on after its last whole line', async () => {
    await fc.assert(
      fc.asyncProperty(records, records, fc.nat(), async (before, after, cut) => {
        const path = join(dir, 'lines.jsonl');
        const text = Buffer.from(before.map((record) => `${JSON.stringify(record)}\n`).join(''));
        const kept = text.subarray(0, cut % (text.length + 1));
        await writeFile(path, kept);
        const wholeLines = kept.toString('latin1').split('\n').length - 1;
        const writer = await openJsonLines(path);
        expect(writer.existing).toEqual(before.slice(0, wholeLines));
        await writer.append(after);
        await writer.close();
        const read = await readJsonLines(path);
        expect(read).toMatchObject({ values: [...before.slice(0, wholeLines), ...after], torn: false });
      }),
      { numRuns: 50 },
    );
  });

  test('what is not there is empty; blank lines do not count; a torn end is told', async () => {
    expect(await readJsonLines(join(dir, 'none'))).toEqual({ values: [], completeBytes: 0, torn: false });
    await writeFile(join(dir, 'some'), '1\n\n \r\n{"a":');
    expect(await readJsonLines(join(dir, 'some'))).toEqual({ values: [1], completeBytes: 6, torn: true });
  });

  test('a whole line that is not JSON is damage, named with its line', async () => {
    const path = join(dir, 'bad');
    await writeFile(path, '1\n\nnot json\n3\n');
    await expect(openJsonLines(path)).rejects.toMatchObject({ code: 'CorruptFile', where: `${path}:3` });
    expect(await readFile(path, 'utf8')).toBe('1\n\nnot json\n3\n');
  });

  test('lines longer than a read, with characters across its border, arrive whole', async () => {
    const path = join(dir, 'long');
    const long = 'ä€😀'.repeat(300_000);
    await writeFile(path, `${JSON.stringify(long)}\n${JSON.stringify({ line: 2 })}\n`);
    const lines = [];
    for await (const line of jsonLines(path)) lines.push(line);
    expect(lines).toEqual([
      { value: long, line: 1 },
      { value: { line: 2 }, line: 2 },
    ]);
  });
});
