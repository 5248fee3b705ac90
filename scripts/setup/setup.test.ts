import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { cacheDir } from './cache.mjs';
import { withLock } from './lock.mjs';
import { isNewEnough } from './node.mjs';
import { npmHint, satisfies } from './packages.mjs';
import { pipFailure } from './pip-failure.ts';
import { run } from './process.mjs';
import { describe as describeFailure, SetupFailure } from './report.mjs';
import { chooseVariant, type Machine } from './variant.ts';
import { pipTarget, requirementsFile, wheels } from './wheels.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cft-setup-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('packages', () => {
  const wanted = {
    '': {},
    'node_modules/a': { version: '1.0.0' },
    'node_modules/b': { version: '2.0.0', dev: true },
    'node_modules/c-darwin': { version: '3.0.0', optional: true },
  };
  const a = { 'node_modules/a': { version: '1.0.0' } };
  const b = { 'node_modules/b': { version: '2.0.0' } };

  test('what the lock file asks for is enough; other platforms and surplus packages do not matter', () => {
    expect(satisfies(wanted, { ...a, ...b })).toBe(true);
    expect(satisfies(wanted, { ...a, ...b, 'node_modules/z': { version: '9.9.9' } })).toBe(true);
  });

  test('a missing package or another version asks for an installation', () => {
    expect(satisfies(wanted, b)).toBe(false);
    expect(satisfies(wanted, { ...b, 'node_modules/a': { version: '1.0.1' } })).toBe(false);
    expect(satisfies(wanted, { ...a, ...b, 'node_modules/c-darwin': { version: '3.0.1' } })).toBe(false);
  });

  test('development packages may be missing only where they were left out on purpose', () => {
    expect(satisfies(wanted, a)).toBe(false);
    expect(satisfies(wanted, a, { omitDev: true })).toBe(true);
  });

  test('the lock file of this checkout is satisfied by its own packages', () => {
    const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8'));
    expect(satisfies(packages, packages)).toBe(true);
  });

  test.each([
    ['npm error code ENOSPC', 'disk space'],
    ['npm error code EINTEGRITY', 'cache clean'],
    ['npm error network request failed, reason: getaddrinfo ENOTFOUND', 'network'],
    ['npm error code EACCES', 'writable'],
    ['something new', 'npm ci'],
  ])('advice on "%s"', (stderr, advice) => expect(npmHint(stderr)).toContain(advice));
});

describe('Node versions', () => {
  test.each([
    ['v22.19.0', true],
    ['v24.0.0', true],
    ['v22.18.9', false],
    ['v20.20.2', false],
    ['v9.99.0', false],
  ])('%s: %s', (version, enough) => expect(isNewEnough(version)).toBe(enough));
});

describe('cache folder', () => {
  test('follows XDG_CACHE_HOME if that is an absolute path, else the home folder', () => {
    expect(cacheDir({ XDG_CACHE_HOME: '/var/cache', HOME: '/home/me' })).toBe('/var/cache/cft');
    expect(cacheDir({ XDG_CACHE_HOME: 'cache', HOME: '/home/me' })).toBe('/home/me/.cache/cft');
    expect(cacheDir({ HOME: '/home/me' })).toBe('/home/me/.cache/cft');
  });
});

describe('lock', () => {
  const quick = { staleMs: 2000, pollMs: 5 };

  test('two holders never work at the same time', async () => {
    const path = join(folder, 'cache/lock');
    let inside = 0;
    const work = async () => {
      expect(++inside).toBe(1);
      await new Promise((resolve) => setTimeout(resolve, 20));
      inside--;
    };
    await Promise.all([withLock(path, work, quick), withLock(path, work, quick), withLock(path, work, quick)]);
    expect(existsSync(path)).toBe(false);
  });

  test('the lock of a killed set-up is taken over once it is old', async () => {
    const path = join(folder, 'lock');
    writeFileSync(path, '1 on another-machine');
    utimesSync(path, new Date(0), new Date(0));
    expect(await withLock(path, () => 'done', quick)).toBe('done');
  });

  test('a failure frees the lock', async () => {
    const path = join(folder, 'lock');
    await expect(withLock(path, () => Promise.reject(new Error('no')), quick)).rejects.toThrow('no');
    expect(existsSync(path)).toBe(false);
  });

  test('a folder that cannot be written is told with what to do', async () => {
    writeFileSync(join(folder, 'file'), '');
    await expect(withLock(join(folder, 'file/lock'), () => 0, quick)).rejects.toThrow(SetupFailure);
  });
});

describe('choice of the TensorFlow build', () => {
  const plain: Machine = { platform: 'linux', arch: 'x64', glibc: '2.36', nvidia: false };

  test('follows the machine', () => {
    expect(chooseVariant(plain, undefined)).toEqual({ variant: 'cpu', arch: 'x86_64', explicit: false });
    expect(chooseVariant({ ...plain, nvidia: true }, '')).toMatchObject({ variant: 'gpu' });
    expect(chooseVariant({ ...plain, arch: 'arm64' }, undefined)).toMatchObject({ variant: 'cpu', arch: 'aarch64' });
  });

  test('an Arm machine with a GPU computes on the processor: there is no CUDA build', () => {
    expect(chooseVariant({ ...plain, arch: 'arm64', nvidia: true }, undefined)).toMatchObject({ variant: 'cpu' });
  });

  test('the user overrules it', () => {
    expect(chooseVariant({ ...plain, nvidia: true }, 'cpu')).toMatchObject({ variant: 'cpu', explicit: true });
    expect(chooseVariant(plain, 'gpu')).toMatchObject({ variant: 'gpu', explicit: true });
    expect(chooseVariant(plain, 'none')).toMatchObject({ variant: 'none' });
    expect(() => chooseVariant(plain, 'tpu')).toThrow(SetupFailure);
  });

  test.each([
    [{ ...plain, platform: 'darwin' }, 'Linux'],
    [{ ...plain, glibc: undefined }, 'GNU C library'],
    [{ ...plain, glibc: '2.17' }, '2.27'],
    [{ ...plain, arch: 'riscv64' }, 'riscv64'],
  ])('a machine without a build goes on without, unless one was asked for: %o', (machine, reason) => {
    expect(chooseVariant(machine, undefined)).toEqual({ variant: 'none', reason: expect.stringContaining(reason) });
    expect(() => chooseVariant(machine, 'cpu')).toThrow(reason);
  });
});

describe('wheels', () => {
  const all = [...Object.values(wheels.cpu), ...Object.values(wheels.gpu)];

  test('every wheel is pinned to one version, platform and hash', () => {
    for (const wheel of all.flat()) {
      expect(wheel.requirement).toMatch(/^[a-z0-9-]+==[0-9.]+$/);
      expect(wheel.platform).toMatch(/^manylinux_2_\d+_(x86_64|aarch64)$/);
      expect(wheel.sha256).toMatch(/^[0-9a-f]{64}$/);
    }
  });

  test('each build starts with TensorFlow in the pinned version', () => {
    for (const [first] of all) expect(first?.requirement).toMatch(new RegExp(`^tensorflow(-cpu)?==${wheels.version}$`));
  });

  test('pip refuses a wheel that has another hash, and the message says what to do', async () => {
    const pinned = wheels.cpu.x86_64 ?? [];
    writeFileSync(join(folder, 'requirements.txt'), requirementsFile(pinned));
    mkdirSync(join(folder, 'links'));
    const tag = `cp${wheels.python.replace('.', '')}`;
    writeFileSync(
      join(folder, `links/tensorflow_cpu-${wheels.version}-${tag}-${tag}-manylinux_2_27_x86_64.whl`),
      'another file',
    );
    const { status, stdout, stderr } = await run('python3', [
      ...[
        '-m',
        'pip',
        'download',
        '--no-index',
        '--find-links',
        join(folder, 'links'),
        '--no-deps',
        '--require-hashes',
      ],
      ...['--requirement', join(folder, 'requirements.txt'), '--dest', join(folder, 'out')],
      ...pipTarget(pinned, wheels.python),
    ]);
    expect(status).not.toBe(0);
    expect(pipFailure(stdout + stderr).message).toContain('hash');
    expect(existsSync(join(folder, 'out/tensorflow_cpu'))).toBe(false);
  });
});

describe("pip's failures", () => {
  test.each([
    ['/usr/bin/python3: No module named pip', 'no pip'],
    ["OSError: [Errno 28] No space left on device: 'x'", 'disk is full'],
    [
      "WARNING: Retrying after connection broken by 'NewConnectionError'\nERROR: No matching distribution found for x",
      'does not reach',
    ],
    [
      'SSLError(SSLCertVerificationError(1, "[SSL: CERTIFICATE_VERIFY_FAILED]"))\nNo matching distribution',
      'certificate',
    ],
    ['ERROR: No matching distribution found for tensorflow-cpu==2.21.0', 'does not have'],
    ['something new', 'could not download'],
  ])('%s', (output, message) => {
    const failure = pipFailure(output);
    expect(failure.message).toContain(message);
    expect(failure.hint).not.toBe('');
  });

  test('a long output is shown by its first and last lines', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 40 }), (count) => {
        const details = Array.from({ length: count }, (_, i) => `line ${i}`).join('\n');
        const shown = describeFailure(new SetupFailure('no', 'do this', details)).split('\n');
        expect(shown[0]).toBe('set-up failed: no');
        expect(shown.at(-1)).toBe('  try  do this');
        expect(shown.length).toBeLessThanOrEqual(15);
        if (count > 0) expect(shown).toEqual(expect.arrayContaining(['  | line 0', `  | line ${count - 1}`]));
      }),
    );
  });
});
