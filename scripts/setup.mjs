#!/usr/bin/env node
// @ts-check
// Brings everything that the project needs onto this machine: `npm run setup`. Runs on old Nodes and before any package is there:
// it gets the packages, among them a newer Node, which then does the rest (scripts/setup/main.ts). A second run changes nothing.
// `--then FILE ARGUMENTS` runs a TypeScript file of the project after that, on its Node.
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cacheDir } from './setup/cache.mjs';
import { withLock } from './setup/lock.mjs';
import { findNode } from './setup/node.mjs';
import { installPackages, packagesAreCurrent } from './setup/packages.mjs';
import { run } from './setup/process.mjs';
import { report, SetupFailure, say, step } from './setup/report.mjs';

const [then, file, ...args] = process.argv.slice(2);
const root = join(dirname(fileURLToPath(import.meta.url)), '..');

/** @param {string[]} args */
async function main(...args) {
  const node = await findNode(root);
  const { status, signal, error } = await run(node, [join(root, 'scripts/setup/main.ts'), ...args], { show: true });
  if (error) throw new SetupFailure(`${node} does not start: ${error.message}`, 'run `npm ci`, then the set-up again');
  if (signal) throw new SetupFailure(`the set-up was stopped by ${signal}`, 'run it again');
  return status ?? 1;
}

async function setup() {
  if (packagesAreCurrent(root) && (await main('--check')) === 0) {
    if (then === undefined) say('ready', 'nothing was to be done');
    return 0;
  }
  return withLock(join(cacheDir(process.env), 'setup.lock'), async () => {
    if (!packagesAreCurrent(root)) await step('packages', 'npm', () => installPackages(root));
    return main();
  });
}

/**
 * Runs a file of the project as if it had been started in our place.
 *
 * @param {string} file
 * @param {string[]} args
 * @returns {Promise<number>} its exit status
 */
async function runFile(file, args) {
  const child = spawn(await findNode(root), [join(root, file), ...args], { cwd: root, stdio: 'inherit' });
  // The terminal sends Ctrl-C to both; the child decides what follows.
  process.on('SIGINT', () => {});
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code, signal) => resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])));
  });
}

try {
  if (then !== undefined && (then !== '--then' || file === undefined)) {
    throw new SetupFailure(`unknown argument ${then}`, 'use `node scripts/setup.mjs [--then FILE ARGUMENTS]`');
  }
  const status = await setup();
  process.exitCode = status !== 0 || file === undefined ? status : await runFile(file, args);
} catch (error) {
  report(error);
  process.exitCode = 1;
}
