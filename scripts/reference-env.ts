import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cacheDir } from './setup/cache.mjs';
import { pipFailure } from './setup/pip-failure.ts';
import { run } from './setup/process.mjs';
import { SetupFailure, step } from './setup/report.mjs';

/** The implementations that tests and the benchmark compare with. They take 6 GB of disk and are never installed unasked. */
export const requirements: readonly string[] = [
  'torch==2.15.0',
  'transformers==5.23.0',
  'tokenizers==0.23.3',
  'safetensors==0.8.0',
  'numpy==2.4.6',
  'peft==0.21.2',
  'trl==1.16.0',
  'datasets==5.2.0',
];

type Environment = Readonly<Record<string, string | undefined>>;

/** Written last, so that a half-made environment is not taken for a whole one. */
function marker(dir: string): string {
  return join(dir, 'cft-requirements.txt');
}

function referenceDir(env: Environment): string {
  return join(cacheDir(env), 'pyref');
}

/**
 * A Python that has the packages above, or undefined where there is none. Tests that need it are
 * skipped then, under their own names: `test.skipIf(python === undefined)(...)`.
 */
export function referencePython(env: Environment = process.env): string | undefined {
  const dir = referenceDir(env);
  const python = join(dir, 'bin/python');
  return existsSync(python) && isComplete(dir) ? python : undefined;
}

function isComplete(dir: string): boolean {
  return existsSync(marker(dir)) && readFileSync(marker(dir), 'utf8') === fileOf(requirements);
}

function fileOf(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join('');
}

/**
 * Makes the environment if it is not there, in the cache beside TensorFlow: some minutes and 6 GB.
 *
 * @returns its Python
 * @throws SetupFailure with what to do
 */
export async function makeReferenceEnvironment(env: Environment = process.env): Promise<string> {
  const ready = referencePython(env);
  if (ready !== undefined) return ready;
  const dir = referenceDir(env);
  const python = join(dir, 'bin/python');
  rmSync(marker(dir), { force: true });
  if (!existsSync(python)) await step('reference', `virtual environment in ${dir}`, () => makeVenv(dir));
  await step('reference', requirements.join(' '), async () => {
    const args = [
      '-m',
      'pip',
      'install',
      '--disable-pip-version-check',
      '--no-cache-dir',
      '--progress-bar',
      'off',
      '--quiet',
    ];
    const { status, stdout, stderr } = await run(python, [...args, ...requirements]);
    if (status !== 0) throw pipFailure(`${stdout}\n${stderr}`);
  });
  writeFileSync(marker(dir), fileOf(requirements));
  return python;
}

async function makeVenv(dir: string): Promise<void> {
  const { status, error, stdout, stderr } = await run('python3', ['-m', 'venv', dir]);
  if (status === 0) return;
  rmSync(dir, { recursive: true, force: true });
  throw new SetupFailure(
    error === undefined ? 'Python could not make a virtual environment' : 'no python3 was found',
    'install Python 3.10 or newer with venv and pip (Debian: apt-get install python3-venv)',
    `${stdout}\n${stderr}`,
  );
}
