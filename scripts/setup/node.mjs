// @ts-check
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './process.mjs';
import { SetupFailure } from './report.mjs';

/** What package.json's `engines` asks for: the first Node that runs TypeScript sources as they are, without a warning. */
export const oldestNode = '22.19.0';

/**
 * @param {string} version `24.1.0` or `v24.1.0`
 * @returns {boolean}
 */
export function isNewEnough(version) {
  const [major = 0, minor = 0] = version.replace(/^v/, '').split('.').map(Number);
  const [oldMajor = 0, oldMinor = 0] = oldestNode.split('.').map(Number);
  return major > oldMajor || (major === oldMajor && minor >= oldMinor);
}

/**
 * The Node that runs the project: the one among its packages, which npm scripts find first too, else the one that runs this.
 *
 * @param {string} root
 * @returns {Promise<string>}
 */
export async function findNode(root) {
  const packaged = join(root, 'node_modules/.bin/node');
  const version = existsSync(packaged) ? await run(packaged, ['--version']) : undefined;
  if (version?.status === 0 && isNewEnough(version.stdout.trim())) return packaged;
  if (isNewEnough(process.version)) return process.execPath;
  throw new SetupFailure(
    `Node ${oldestNode} or newer is needed, this is ${process.version}, and npm has none for ${process.platform}-${process.arch} that runs here`,
    'install Node 24, then run the set-up again',
    version?.stderr ?? version?.error?.message,
  );
}
