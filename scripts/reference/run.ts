import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

/**
 * Runs one of the Python scripts beside this file, with `input` as JSON on its standard input, and returns what it prints.
 *
 * @param python from referencePython()
 */
export function runReference(python: string, script: string, args: readonly string[], input: unknown = null): string {
  const env = { ...process.env, HF_HUB_OFFLINE: '1', PYTHONWARNINGS: 'ignore' };
  const result = spawnSync(python, [join(import.meta.dirname, script), ...args], {
    input: JSON.stringify(input),
    encoding: 'utf8',
    env,
    maxBuffer: 2 ** 28,
  });
  if (result.status !== 0) throw new Error(`${script} ${args[0]} failed:\n${result.stderr}`);
  return result.stdout;
}
