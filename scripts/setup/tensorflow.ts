import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pipFailure } from './pip-failure.ts';
import { run } from './process.mjs';
import { SetupFailure, step } from './report.mjs';
import { pipTarget, requirementsFile, type Variant, type Wheel, wheels } from './wheels.ts';

const here = dirname(fileURLToPath(import.meta.url));

/** Disk space that fetching takes at its height, wheels and unpacked, in GB. */
const spaceNeeded: Readonly<Record<Variant, number>> = { cpu: 1.5, gpu: 9 };

/** The folder that holds TensorFlow's headers and libraries of one build, made whole or not at all. */
export function tensorflowHome(cache: string, variant: Variant, arch: string): string {
  return join(cache, `tensorflow-${wheels.version}-${variant}-${arch}`);
}

/** What is unpacked last among the libraries, and a header that caches of earlier releases lack. */
const SIGNS = ['lib/libtensorflow.so', 'include/tsl/platform/platform.h'];

/** Whether a build is in the cache. */
export function hasTensorflow(home: string): boolean {
  return SIGNS.every((path) => existsSync(join(home, path)));
}

/**
 * Fetches the pinned wheels of a build and unpacks them to `home`.
 *
 * @throws SetupFailure with what to do: no Python, no pip, no network, a wrong hash, no space
 */
export async function fetchTensorflow(home: string, variant: Variant, arch: string): Promise<void> {
  const pinned = wheels[variant][arch] ?? [];
  const cache = dirname(home);
  for (const name of readdirSync(cache)) {
    // Left by a set-up that was killed; only one works at a time.
    if (name.startsWith(`${basename(home)}.part`)) rmSync(join(cache, name), { recursive: true, force: true });
  }
  const free = freeGigabytes(cache);
  if (free < spaceNeeded[variant]) {
    throw new SetupFailure(
      `TensorFlow (${variant}) needs ${spaceNeeded[variant]} GB, ${cache} has ${free.toFixed(1)} GB free`,
      'free some space, or set XDG_CACHE_HOME to a folder on another disk',
    );
  }
  const part = `${home}.part-${process.pid}`;
  try {
    mkdirSync(join(part, 'tmp'), { recursive: true });
    const python = await findPython();
    await step('tensorflow', `download ${wheels.version} for ${variant}, ${pinned.length} wheel(s)`, () =>
      download(python, pinned, part),
    );
    await step('tensorflow', `unpack to ${home}`, () => unpack(python, part));
    rmSync(home, { recursive: true, force: true });
    renameSync(join(part, 'home'), home);
  } finally {
    rmSync(part, { recursive: true, force: true });
  }
}

async function download(python: string, pinned: readonly Wheel[], part: string): Promise<void> {
  writeFileSync(join(part, 'requirements.txt'), requirementsFile(pinned));
  const { status, stdout, stderr } = await run(
    python,
    [
      ...[
        '-m',
        'pip',
        'download',
        '--no-deps',
        '--no-cache-dir',
        '--disable-pip-version-check',
        '--progress-bar',
        'off',
      ],
      ...[
        '--retries',
        '2',
        '--require-hashes',
        '--requirement',
        join(part, 'requirements.txt'),
        '--dest',
        join(part, 'wheels'),
      ],
      ...pipTarget(pinned, wheels.python),
    ],
    { env: { ...process.env, TMPDIR: join(part, 'tmp') } },
  );
  if (status !== 0) throw pipFailure(`${stdout}\n${stderr}`);
}

async function unpack(python: string, part: string): Promise<void> {
  const { status, stderr } = await run(python, [
    join(here, 'unpack_wheels.py'),
    join(part, 'wheels'),
    join(part, 'home'),
  ]);
  if (status !== 0) throw pipFailure(stderr);
}

/** A Python with pip. */
async function findPython(): Promise<string> {
  for (const python of ['python3', 'python']) {
    const { status } = await run(python, ['-c', 'import sys; sys.exit(sys.version_info < (3, 7))']);
    if (status !== 0) continue;
    const pip = await run(python, ['-m', 'pip', '--version']);
    if (pip.status === 0) return python;
    throw pipFailure(pip.stderr);
  }
  throw new SetupFailure(
    'no Python 3 was found; its pip downloads TensorFlow',
    'install Python 3 with pip (Debian: apt-get install python3-pip)',
  );
}

function freeGigabytes(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return (bavail * bsize) / 1e9;
}
