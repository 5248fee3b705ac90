import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeEach, expect, test } from 'vitest';
import { lockHolder, runsHere, takeLock } from './lock.ts';

let directory: string;
let path: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'cft-lock-'));
  path = join(directory, 'run', 'lock');
});

function contender(journal: string, rounds: number, fate: 'live' | 'die'): ChildProcess {
  const script = fileURLToPath(new URL('./testdata/lock-contender.ts', import.meta.url));
  return spawn(process.execPath, [script, path, journal, String(rounds), fate], { stdio: 'inherit' });
}

test('a second taker is refused while the first holds the lock, and gets it afterwards', async () => {
  const lock = await takeLock(path, 'this run');
  await expect(takeLock(path, 'this run')).rejects.toMatchObject({
    code: 'AlreadyRunning',
    message: `this run is in use by process ${process.pid}`,
    where: path,
  });
  await lock.release();
  await (await takeLock(path, 'this run')).release();
  expect(readdirSync(join(directory, 'run'))).toEqual([]);
});

test('the lock of a killed process is taken over', async () => {
  const child = contender(join(directory, 'journal'), 1, 'die');
  await once(child, 'exit');
  expect(await lockHolder(path)).toMatchObject({ pid: child.pid });
  const lock = await takeLock(path, 'this run');
  expect(await lockHolder(path)).toMatchObject({ pid: process.pid });
  await lock.release();
});

test('a process number that was given to another process since does not keep the lock', async () => {
  await (await takeLock(path, 'this run')).release();
  writeFileSync(path, JSON.stringify({ pid: process.pid, started: '1', host: hostname() }));
  expect(runsHere({ pid: process.pid, started: '1', host: hostname() })).toBe(false);
  await (await takeLock(path, 'this run')).release();
  expect(existsSync(path)).toBe(false);
});

test('a lock file that a disk error made unreadable does not block for ever', async () => {
  await (await takeLock(path, 'this run')).release();
  writeFileSync(path, '{"pid":');
  await (await takeLock(path, 'this run')).release();
});

test('a process that died while it removed a dead lock does not keep others from it', async () => {
  await (await takeLock(path, 'this run')).release();
  writeFileSync(path, JSON.stringify({ pid: process.pid, started: '1', host: hostname() }));
  mkdirSync(`${path}.removal`);
  const longAgo = new Date(Date.now() - 60_000);
  utimesSync(`${path}.removal`, longAgo, longAgo);
  await (await takeLock(path, 'this run')).release();
  expect(readdirSync(join(directory, 'run'))).toEqual([]);
});

test("another host's lock counts for as long as it is kept fresh", async () => {
  await (await takeLock(path, 'this run')).release();
  writeFileSync(path, JSON.stringify({ pid: 1, started: '5', host: 'elsewhere' }));
  const beat = setInterval(() => utimesSync(path, new Date(), new Date()), 300);
  await expect(takeLock(path, 'this run')).rejects.toMatchObject({ message: expect.stringContaining('on elsewhere') });
  clearInterval(beat);
  await (await takeLock(path, 'this run')).release();
});

test('of several processes never two are inside at once, also when some are killed inside', async () => {
  const journal = join(directory, 'journal');
  const children = [
    contender(journal, 15, 'live'),
    contender(journal, 15, 'live'),
    contender(journal, 3, 'die'),
    contender(journal, 7, 'die'),
  ];
  await Promise.all(children.map((child) => once(child, 'exit')));
  const lines = readFileSync(journal, 'utf8').trimEnd().split('\n');
  const killedInside = new Set(children.slice(2).map(({ pid }) => `in ${pid}`));
  expect(lines.filter((line) => line.startsWith('in '))).toHaveLength(15 + 15 + 3 + 7);
  lines.forEach((line, index) => {
    if (!line.startsWith('in ')) return;
    const last = lines.lastIndexOf(line) === index;
    if (killedInside.has(line) && last) return;
    expect(lines[index + 1]).toBe(line.replace('in', 'out'));
  });
});
