import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cacheDir } from './setup/cache.mjs';
import { pipFailure } from './setup/pip-failure.ts';
import { run } from './setup/process.mjs';
import { SetupFailure, step } from './setup/report.mjs';

/** A Python with packages to compare with, in the cache beside TensorFlow. */
interface PythonEnvironment {
  readonly folder: string;
  readonly requirements: readonly string[];
  /** Of pip, beside the usual ones. */
  readonly flags: readonly string[];
  /** Environment variables of the installation. */
  readonly building?: Readonly<Record<string, string>>;
  /** What it lacks is taken from there. */
  readonly base?: PythonEnvironment;
}

/** The implementations that tests and the benchmark compare with. They take 6 GB of disk and are never installed unasked. */
const REFERENCE: PythonEnvironment = {
  folder: 'pyref',
  requirements: [
    'torch==2.15.0',
    'transformers==5.23.0',
    'tokenizers==0.23.3',
    'safetensors==0.8.0',
    'numpy==2.4.6',
    'peft==0.21.2',
    'trl==1.16.0',
    'datasets==5.2.0',
  ],
  flags: [],
};

/** ms-swift, which needs older libraries than those above, without what only its other commands need. */
const SWIFT: PythonEnvironment = {
  folder: 'pyref-swift',
  requirements: [
    'ms-swift==4.6.0',
    'transformers==5.19.0',
    'trl==0.29.1',
    'peft==0.20.0',
    'datasets==4.8.4',
    'modelscope==1.40.2',
    'modelscope-hub==0.5.1',
    'requests==2.34.2',
    'urllib3==2.8.0',
    'certifi==2026.10.18',
    'charset-normalizer==3.5.2',
    'httpx==0.28.1',
    'httpcore==1.0.9',
    'cryptography==50.0.2',
    'cffi==2.1.1',
    'aiohttp==3.14.5',
    'aiohappyeyeballs==2.7.1',
    'aiosignal==1.4.0',
    'attrs==26.1.0',
    'frozenlist==1.8.0',
    'multidict==7.2.1',
    'propcache==0.5.4',
    'yarl==1.25.1',
    'einops==0.8.2',
    'json-repair==0.64.5',
    'pillow==13.0.0',
    'simplejson==4.3.0',
    'zstandard==0.25.0',
  ],
  flags: ['--no-deps'],
  base: REFERENCE,
};

/** llama.cpp, compiled for this processor: a C++ compiler and some minutes. Without its part for images and sound. */
const LLAMA_CPP: PythonEnvironment = {
  folder: 'pyref-llama-cpp',
  requirements: ['llama-cpp-python==0.3.36', 'gguf==0.19.0', 'diskcache==5.6.3'],
  flags: ['--no-deps', '--no-binary', 'llama-cpp-python'],
  building: { CMAKE_ARGS: '-DGGML_NATIVE=ON -DLLAVA_BUILD=OFF' },
  base: REFERENCE,
};

/** Axolotl as its dependencies ask for them, without what training on a processor never loads. */
const AXOLOTL: PythonEnvironment = {
  folder: 'pyref-axolotl',
  requirements: [
    'axolotl==0.19.0',
    'axolotl-contribs-lgpl==0.0.7',
    'axolotl-contribs-mit==0.0.6',
    'transformers==5.16.1',
    'trl==1.9.0',
    'peft==0.20.0',
    'datasets==4.8.4',
    'accelerate==1.13.0',
    'huggingface_hub==1.17.0',
    'addict==2.4.0',
    'backoff==2.2.1',
    'bitsandbytes==0.50.2',
    'certifi==2026.10.18',
    'charset-normalizer==3.5.2',
    'colorama==0.4.6',
    'distro==1.9.0',
    'evaluate==0.4.6',
    'fastcore==2.2.39',
    'httpcore==1.0.9',
    'httpx==0.28.1',
    'llvmlite==0.50.0',
    'numba==0.68.1',
    'opentelemetry-api==1.45.2',
    'pillow==13.0.0',
    'platformdirs==4.14.7',
    'posthog==6.7.11',
    'protobuf==7.36.2',
    'requests==2.34.2',
    'six==1.17.0',
    'termcolor==3.3.0',
    'urllib3==2.8.0',
    'wandb==0.31.0',
  ],
  flags: ['--no-deps'],
  base: REFERENCE,
};

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * A Python that has PyTorch, transformers, peft and TRL, or undefined where there is none. Tests that need it are
 * skipped then, under their own names: `test.skipIf(python === undefined)(...)`.
 */
export function referencePython(env: Environment = process.env): string | undefined {
  return pythonOf(REFERENCE, env);
}

/** A Python that has ms-swift, or undefined where there is none. */
export function swiftPython(env: Environment = process.env): string | undefined {
  return pythonOf(SWIFT, env);
}

/** A Python that has llama.cpp, or undefined where there is none. */
export function llamaPython(env: Environment = process.env): string | undefined {
  return pythonOf(LLAMA_CPP, env);
}

/**
 * Compiles llama.cpp, which only the benchmark compares with.
 *
 * @returns its Python
 * @throws SetupFailure with what to do
 */
export async function makeLlamaEnvironment(env: Environment = process.env): Promise<string> {
  await make(LLAMA_CPP, env);
  return programOf(LLAMA_CPP, env);
}

/** A Python that has Axolotl, or undefined where there is none. */
export function axolotlPython(env: Environment = process.env): string | undefined {
  return pythonOf(AXOLOTL, env);
}

/**
 * Makes the environments that are not there, in the cache beside TensorFlow: some minutes and 6 GB.
 *
 * @returns the Python of the first
 * @throws SetupFailure with what to do
 */
export async function makeReferenceEnvironment(env: Environment = process.env): Promise<string> {
  await make(SWIFT, env);
  await make(AXOLOTL, env);
  return programOf(REFERENCE, env);
}

function pythonOf(environment: PythonEnvironment, env: Environment): string | undefined {
  const { base } = environment;
  if (base !== undefined && pythonOf(base, env) === undefined) return undefined;
  const file = markerOf(environment, env);
  const isComplete = existsSync(file) && readFileSync(file, 'utf8') === linesOf(environment);
  const python = programOf(environment, env);
  return isComplete && existsSync(python) ? python : undefined;
}

function directoryOf({ folder }: PythonEnvironment, env: Environment): string {
  return join(cacheDir(env), folder);
}

function programOf(environment: PythonEnvironment, env: Environment): string {
  return join(directoryOf(environment, env), 'bin/python');
}

/** Written last, so that a half-made environment is not taken for a whole one. */
function markerOf(environment: PythonEnvironment, env: Environment): string {
  return join(directoryOf(environment, env), 'cft-requirements.txt');
}

function linesOf({ requirements }: PythonEnvironment): string {
  return requirements.map((line) => `${line}\n`).join('');
}

const QUIET = ['--disable-pip-version-check', '--no-cache-dir', '--progress-bar', 'off', '--quiet'];

async function make(environment: PythonEnvironment, env: Environment): Promise<void> {
  if (pythonOf(environment, env) !== undefined) return;
  const { base, requirements, flags, building } = environment;
  if (base !== undefined) await make(base, env);
  const [dir, python] = [directoryOf(environment, env), programOf(environment, env)];
  rmSync(markerOf(environment, env), { force: true });
  if (!existsSync(python)) await step('reference', `virtual environment in ${dir}`, () => makeVenv(dir));
  await step('reference', requirements.join(' '), async () => {
    const args = ['-m', 'pip', 'install', ...QUIET, ...flags, ...requirements];
    const { status, stdout, stderr } = await run(python, args, { env: { ...env, ...building } });
    if (status !== 0) throw pipFailure(`${stdout}\n${stderr}`);
    if (base !== undefined)
      writeFileSync(join(await packagesOf(python), 'base.pth'), `${await packagesOf(programOf(base, env))}\n`);
  });
  writeFileSync(markerOf(environment, env), linesOf(environment));
}

/** Where a Python keeps its packages. */
async function packagesOf(python: string): Promise<string> {
  const { stdout } = await run(python, ['-c', 'import sysconfig; print(sysconfig.get_path("purelib"))']);
  return stdout.trim();
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
