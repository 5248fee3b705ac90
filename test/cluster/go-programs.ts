import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { withLock } from '../../scripts/setup/lock.mjs';
import { run } from '../../scripts/setup/process.mjs';

/** Programs that are built from one Go module, which holds nothing but their versions. */
export interface GoPrograms {
  /** Begin of the name of the folder that keeps them. */
  readonly name: string;
  /** Folder of `go.mod` and `go.sum`. */
  readonly module: string;
  /** Program to its package. */
  readonly packages: Readonly<Record<string, string>>;
  readonly tags?: readonly string[];
  readonly linkerFlags: () => string | Promise<string>;
}

/** Where the programs of these versions are kept, outside the checkout. */
export function directoryOf({ name, module }: Pick<GoPrograms, 'name' | 'module'>): string {
  const hash = createHash('sha256')
    .update(readFileSync(join(module, 'go.sum')))
    .digest('hex')
    .slice(0, 16);
  return join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'cft', `${name}-${hash}`);
}

/** Whether every program is built. */
export function areBuilt(programs: GoPrograms): boolean {
  return Object.keys(programs.packages).every((program) => existsSync(join(directoryOf(programs), program)));
}

/** Builds all programs from their Go modules, unless they are there or another process builds them already. Needs Go. */
export async function provide(programs: GoPrograms): Promise<void> {
  if (areBuilt(programs)) return;
  await withLock(`${directoryOf(programs)}.lock`, async () => {
    if (!areBuilt(programs)) await build(programs);
  });
}

/** Version of a Go module among those that a module names. */
export async function moduleVersion(module: string, path: string): Promise<string> {
  return (await go(module, ['list', '-m', '-f', '{{.Version}}', path])).trim();
}

async function build(programs: GoPrograms): Promise<void> {
  const target = directoryOf(programs);
  const partial = `${target}.partial-${process.pid}`;
  mkdirSync(partial, { recursive: true });
  try {
    const tags = programs.tags === undefined ? [] : ['-tags', programs.tags.join(',')];
    const flags = ['build', '-trimpath', '-ldflags', await programs.linkerFlags(), ...tags];
    for (const [program, path] of Object.entries(programs.packages))
      await go(programs.module, [...flags, '-o', join(partial, program), path]);
    rmSync(target, { recursive: true, force: true });
    renameSync(partial, target);
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
}

async function go(cwd: string, args: readonly string[]): Promise<string> {
  const { status, error, stdout, stderr } = await run('go', args, { cwd, env: { ...process.env, CGO_ENABLED: '0' } });
  if (status !== 0) throw new Error(`go ${args.join(' ')}: ${error?.message ?? stderr}`);
  return stdout;
}
