import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { binariesDirectory } from './binaries.ts';

/** The chart. */
export const CHART = join(import.meta.dirname, '..', '..', 'helm');

const PROGRAM = join(binariesDirectory(), 'helm');

/** Whether Helm is built. */
export const hasHelm = existsSync(PROGRAM);

/**
 * Runs Helm and gives its output.
 *
 * @throws with what it said
 */
export async function helm(args: readonly string[], kubeconfig?: string): Promise<string> {
  // Nothing of the user's own Helm may be read or written.
  const home = join(tmpdir(), 'cft-helm');
  const own = { HELM_CACHE_HOME: home, HELM_CONFIG_HOME: home, HELM_DATA_HOME: home };
  const env = { ...process.env, ...own, ...(kubeconfig === undefined ? {} : { KUBECONFIG: kubeconfig }) };
  const { stdout } = await promisify(execFile)(PROGRAM, args, { env, maxBuffer: 64 * 1024 * 1024 });
  return stdout;
}

/** Values by their path in `values.yaml`, such as `image.tag`. */
export type Values = Readonly<Record<string, string | number | boolean | null>>;

/** `--set` flags. A text stays a text, also where it looks like a number. */
export function values(set: Values): string[] {
  return Object.entries(set).flatMap(([name, value]) => [
    typeof value === 'string' ? '--set-string' : '--set',
    `${name}=${value}`,
  ]);
}
