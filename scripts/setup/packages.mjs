// @ts-check
import { existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { run } from './process.mjs';
import { SetupFailure } from './report.mjs';

/** @typedef {{ version?: string, optional?: boolean, devOptional?: boolean, dev?: boolean }} LockedPackage */
/** @typedef {Readonly<Record<string, LockedPackage>>} LockedPackages */

/**
 * Whether every package that the lock file asks for is installed in that version. npm leaves out optional ones of other platforms,
 * and development ones where told so; surplus packages do no harm.
 *
 * @param {LockedPackages} wanted
 * @param {LockedPackages} installed
 * @param {{ omitDev?: boolean }} [options]
 * @returns {boolean}
 */
export function satisfies(wanted, installed, { omitDev = false } = {}) {
  return Object.entries(wanted).every(([path, { version, optional, devOptional, dev }]) => {
    const found = installed[path];
    if (path === '') return true;
    if (found !== undefined) return found.version === version;
    return optional === true || devOptional === true || (omitDev && dev === true);
  });
}

/**
 * @param {string} root
 * @returns {boolean}
 */
export function packagesAreCurrent(root) {
  const wanted = lockedPackages(join(root, 'package-lock.json'));
  const installed = lockedPackages(join(root, 'node_modules/.package-lock.json'));
  const omitDev = process.env.NODE_ENV === 'production' || /\bdev\b/.test(process.env.npm_config_omit ?? '');
  return wanted !== undefined && installed !== undefined && satisfies(wanted, installed, { omitDev });
}

/**
 * @param {string} path
 * @returns {LockedPackages | undefined}
 */
function lockedPackages(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8')).packages;
  } catch {
    return undefined;
  }
}

/**
 * Installs what the lock file says. Where packages are already there, only the differences, so that programs that run meanwhile go on.
 *
 * @param {string} root
 */
export async function installPackages(root) {
  const args = existsSync(join(root, 'node_modules/.package-lock.json')) ? ['install', '--no-save'] : ['ci'];
  const npm = process.env.npm_execpath;
  // Engines are checked by the set-up itself, once the project's own Node is there.
  const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  const { status, error, stderr } =
    npm !== undefined && basename(npm) === 'npm-cli.js'
      ? await run(process.execPath, [npm, ...args, ...quiet], { cwd: root })
      : await run('npm', [...args, ...quiet], { cwd: root });
  if (error) throw new SetupFailure(`npm does not start: ${error.message}`, 'install npm (it comes with Node)');
  if (status !== 0) throw new SetupFailure('npm could not install the packages', npmHint(stderr), stderr);
}

/**
 * What to do about npm's words.
 *
 * @param {string} stderr
 * @returns {string}
 */
export function npmHint(stderr) {
  if (/ENOSPC|no space left/i.test(stderr))
    return 'free some disk space (the packages need 0.6 GB), then run the set-up again';
  if (/EINTEGRITY/.test(stderr))
    return 'run `npm cache clean --force`, then the set-up again; a mirror may also serve another package';
  if (/EACCES|EPERM|EROFS/.test(stderr)) return 'make the checkout writable for you, then run the set-up again';
  if (/ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|network/i.test(stderr)) {
    return 'check the network, or point npm to a registry that you reach (`npm config set registry URL`)';
  }
  if (/CERT|certificate|SSL/i.test(stderr)) return "tell npm your network's certificate (`npm config set cafile FILE`)";
  return 'run `npm ci` by hand to see more';
}
