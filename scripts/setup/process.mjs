// @ts-check
import { spawn } from 'node:child_process';

/**
 * @typedef {object} Finished
 * @property {number | null} status    exit code; null if a signal ended it or it did not start
 * @property {string | null} signal
 * @property {string} stdout           captured unless `show`
 * @property {string} stderr
 * @property {NodeJS.ErrnoException | undefined} error   why it did not start
 */

/**
 * Runs a program to its end and never throws. Timers and signals have their turn meanwhile.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, show?: boolean }} [options] `show`: the program writes to our standard error
 * @returns {Promise<Finished>}
 */
export function run(command, args, { cwd, env, show = false } = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      stdio: show ? ['ignore', 2, 2] : ['ignore', 'pipe', 'pipe'],
      ...(cwd === undefined ? {} : { cwd }),
      ...(env === undefined ? {} : { env }),
    });
    /** @type {Buffer[]} */
    const out = [];
    /** @type {Buffer[]} */
    const err = [];
    child.stdout?.on('data', (chunk) => out.push(chunk));
    child.stderr?.on('data', (chunk) => err.push(chunk));
    const finish = (/** @type {Partial<Finished>} */ end) =>
      resolve({
        status: null,
        signal: null,
        error: undefined,
        ...end,
        stdout: Buffer.concat(out).toString(),
        stderr: Buffer.concat(err).toString(),
      });
    child.on('error', (error) => finish({ error }));
    child.on('close', (status, signal) => finish({ status, signal }));
  });
}
