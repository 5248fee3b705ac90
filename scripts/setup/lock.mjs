// @ts-check
import { mkdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { SetupFailure, say } from './report.mjs';

/** @typedef {{ staleMs?: number, pollMs?: number }} LockOptions */

/**
 * Runs `work` while holding a lock file, after waiting for another holder. A holder keeps its file's time fresh, so that a file
 * left behind by a killed process is known by its age, on shared disks too.
 *
 * @template T
 * @param {string} path
 * @param {() => T | Promise<T>} work
 * @param {LockOptions} [options]
 * @returns {Promise<T>}
 */
export async function withLock(path, work, { staleMs = 30_000, pollMs = 500 } = {}) {
  const mine = `${process.pid} on ${hostname()}`;
  await acquire(path, mine, staleMs, pollMs);
  const release = () => {
    if (holder(path) === mine) rmSync(path, { force: true });
  };
  const interrupted = () => {
    release();
    process.exit(130);
  };
  const keeper = setInterval(() => touch(path), staleMs / 4);
  process.on('exit', release);
  process.on('SIGINT', interrupted);
  process.on('SIGTERM', interrupted);
  try {
    return await work();
  } finally {
    process.off('exit', release);
    process.off('SIGINT', interrupted);
    process.off('SIGTERM', interrupted);
    clearInterval(keeper);
    release();
  }
}

/**
 * @param {string} path
 * @param {string} mine
 * @param {number} staleMs
 * @param {number} pollMs
 */
async function acquire(path, mine, staleMs, pollMs) {
  let told = false;
  try {
    mkdirSync(dirname(path), { recursive: true });
  } catch (error) {
    throw unwritable(path, error);
  }
  for (;;) {
    try {
      writeFileSync(path, mine, { flag: 'wx' });
      return;
    } catch (error) {
      if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EEXIST') throw unwritable(path, error);
    }
    if (ageMs(path) > staleMs) {
      rmSync(path, { force: true });
      continue;
    }
    if (!told) say('waiting', `another set-up is at work (process ${holder(path) ?? 'unknown'})`);
    told = true;
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}

/**
 * @param {string} path
 * @param {unknown} error
 */
function unwritable(path, error) {
  return new SetupFailure(
    `cannot write to ${dirname(path)}: ${/** @type {Error} */ (error).message}`,
    'make the folder writable and its disk not full, or set XDG_CACHE_HOME to another folder',
  );
}

/** @param {string} path */
function touch(path) {
  const now = new Date();
  try {
    utimesSync(path, now, now);
  } catch {
    // Someone removed the file: the work goes on, it is only less protected.
  }
}

/** @param {string} path */
function holder(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** @param {string} path */
function ageMs(path) {
  try {
    return Date.now() - statSync(path).mtimeMs;
  } catch {
    return 0;
  }
}
