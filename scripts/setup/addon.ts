import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { addonPaths } from '../../trainer/tensor/backend-state.ts';
import { run } from './process.mjs';
import { SetupFailure, say } from './report.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const quietSource = join(here, 'quiet_start.cc');
const copiedTensor = join(here, 'copied_tensor.h');
const kernelsDir = join(here, '../../trainer/kernels');
const flags = ['-O2', '-std=c++17', '-fPIC', '-shared', '-DNAPI_VERSION=8', '-Wl,-rpath,$ORIGIN/../../deps/lib'];

/** For trainer/kernels: what is defined leaves out a header of TensorFlow's C API that pip's package does not have. */
const kernelFlags = ['-O3', '-fno-math-errno', '-DIS_SLIM_BUILD', '-Wno-psabi', '-pthread'];

/**
 * Names a build of the addons by what goes into it. Its interface to Node (N-API) is the same for all versions.
 *
 * @param packageDir folder of tfjs-node-gpu
 * @param home       TensorFlow, see `tensorflowHome`
 */
export function addonKey(packageDir: string, home: string): string {
  const hash = createHash('sha256')
    .update(home)
    .update([...flags, ...kernelFlags].join(' '));
  for (const path of [...filesOf(join(packageDir, 'binding')), quietSource, copiedTensor, ...filesOf(kernelsDir)])
    hash.update(readFileSync(path));
  return hash.digest('hex').slice(0, 16);
}

/**
 * Compiles the addons against a TensorFlow, into the cache beside it.
 *
 * @throws SetupFailure if there is no C++ compiler or it fails
 */
export async function compileAddon(packageDir: string, home: string, key: string, root: string): Promise<void> {
  const target = addonDir(home, key);
  const part = `${target}.part-${process.pid}`;
  rmSync(part, { recursive: true, force: true });
  mkdirSync(part, { recursive: true });
  try {
    const compiler = await findCompiler();
    const include = ['-I', napiHeaders(root), '-I', join(home, 'include'), '-I', packageDir, '-L', join(home, 'lib')];
    const { addon, quiet, kernels } = addonFiles(part);
    const binding = ['tfjs_backend.cc', 'tfjs_binding.cc'].map((name) => join(packageDir, 'binding', name));
    await Promise.all([
      compile(compiler, [
        ...[...flags, ...include, '-include', copiedTensor, ...binding],
        ...['-o', addon, '-ltensorflow', '-ltensorflow_framework'],
      ]),
      compileQuietStart(compiler, home, [...flags, ...include, quietSource, '-o', quiet]),
      compileKernels(compiler, [...flags, ...kernelFlags, ...include], kernels),
    ]);
    rmSync(target, { recursive: true, force: true });
    renameSync(part, target);
  } finally {
    rmSync(part, { recursive: true, force: true });
  }
}

/** Whether the cache has this build of the addon. */
export function hasAddon(home: string, key: string): boolean {
  return existsSync(addonFiles(addonDir(home, key)).addon);
}

/** Puts a build of the addon, and the way to its libraries, where tfjs-node-gpu looks for them. Programs that run meanwhile go on. */
export function linkAddon(packageDir: string, home: string, key: string): void {
  const built = addonFiles(addonDir(home, key));
  const wanted = addonPaths(packageDir);
  mkdirSync(dirname(wanted.addon), { recursive: true });
  replaceByLink(join(packageDir, 'deps'), home);
  for (const [from, to] of [
    [built.quiet, wanted.quiet],
    [built.kernels, wanted.kernels],
    [built.addon, wanted.addon],
  ] as const) {
    if (!existsSync(from)) {
      rmSync(to, { force: true });
      continue;
    }
    copyFileSync(from, `${to}.part`);
    renameSync(`${to}.part`, to);
  }
}

/** Whether node_modules has the addon and a way to the libraries in `home`. */
export function isLinked(packageDir: string, home: string): boolean {
  const deps = join(packageDir, 'deps');
  const link = lstatSync(deps, { throwIfNoEntry: false });
  return link?.isSymbolicLink() === true && readlinkSync(deps) === home && existsSync(addonPaths(packageDir).addon);
}

function addonDir(home: string, key: string): string {
  return join(home, `addon-${key}`);
}

function addonFiles(dir: string): Record<'addon' | 'quiet' | 'kernels', string> {
  const file = (name: string) => join(dir, `${name}.node`);
  return { addon: file('tfjs_binding'), quiet: file('quiet_start'), kernels: file('kernels') };
}

/** Replaces whatever is at `path` by a link. */
function replaceByLink(path: string, target: string): void {
  const part = `${path}.part-${process.pid}`;
  const old = `${path}.old-${process.pid}`;
  rmSync(part, { force: true });
  symlinkSync(target, part);
  // A link is replaced in one step by the rename; a folder has to step aside first.
  if (lstatSync(path, { throwIfNoEntry: false })?.isDirectory()) renameSync(path, old);
  renameSync(part, path);
  rmSync(old, { recursive: true, force: true });
}

function filesOf(dir: string): string[] {
  return readdirSync(dir)
    .sort()
    .map((name) => join(dir, name));
}

async function compile(compiler: string, args: readonly string[]): Promise<void> {
  const { status, signal, stderr } = await run(compiler, args);
  if (status === 0) return;
  if (/No space left on device/.test(stderr)) {
    throw new SetupFailure(
      'the disk is full',
      'free some space, or set XDG_CACHE_HOME to a folder on another disk',
      stderr,
    );
  }
  throw new SetupFailure(
    `${compiler} could not compile the TensorFlow addon${signal ? ` (${signal})` : ''}`,
    'use a compiler that knows C++17, such as g++ 8 or newer (set CXX to choose one)',
    stderr,
  );
}

/** Compiles our own ops. A compiler that does not know the processors that they are for costs speed, no more. */
async function compileKernels(compiler: string, options: readonly string[], to: string): Promise<void> {
  const sources = filesOf(kernelsDir).filter((path) => path.endsWith('.cc'));
  try {
    await compile(compiler, [...options, ...sources, '-o', to, '-ltensorflow_framework']);
  } catch (error) {
    if (!(error instanceof SetupFailure)) throw error;
    say('addon', `decoding without trainer/kernels, more slowly: ${error.message}; ${error.hint}`);
  }
}

/** Compiles the small addon that keeps TensorFlow's start quiet. Where its logger's version cannot be told, the start is noisy. */
async function compileQuietStart(compiler: string, home: string, args: readonly string[]): Promise<void> {
  const library = readFileSync(join(home, 'lib/libtensorflow_framework.so.2'));
  const version = /_ZN4absl\d+(lts_\d+)12log_internal13IsInitializedEv/.exec(library.toString('latin1'))?.[1];
  if (version !== undefined) await compile(compiler, [`-DABSL_LTS=${version}`, ...args]);
}

async function findCompiler(): Promise<string> {
  for (const compiler of [process.env.CXX, 'g++', 'c++', 'clang++']) {
    if (compiler && (await run(compiler, ['--version'])).status === 0) return compiler;
  }
  throw new SetupFailure(
    'no C++ compiler was found; the TensorFlow addon is compiled on this machine',
    'install one (Debian: apt-get install g++), or set CXX to yours',
  );
}

/** Folder of Node's own headers: from the Node among the packages, or from beside the running one. */
function napiHeaders(root: string): string {
  const arch = process.arch;
  const folders = [
    join(root, `node_modules/node-linux-${arch}/include/node`),
    join(dirname(process.execPath), '../include/node'),
  ];
  const found = folders.find((folder) => existsSync(join(folder, 'node_api.h')));
  if (found !== undefined) return found;
  throw new SetupFailure(
    `Node's headers (node_api.h) are in none of ${folders.join(', ')}`,
    'run `npm ci` without omitting optional packages',
  );
}
