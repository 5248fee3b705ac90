// @ts-check
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

/**
 * Where big things lie that checkouts share: `$XDG_CACHE_HOME/cft`, or `~/.cache/cft`.
 *
 * @param {Readonly<Record<string, string | undefined>>} env
 * @returns {string}
 */
export function cacheDir(env) {
  const base = env.XDG_CACHE_HOME;
  // The XDG rules say that a relative path is to be ignored.
  return join(base !== undefined && isAbsolute(base) ? base : join(env.HOME || homedir(), '.cache'), 'cft');
}
