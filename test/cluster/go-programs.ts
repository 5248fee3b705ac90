import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Programs that are built from one Go module, which holds nothing but their versions. */
export interface GoPrograms {
  /** Begin of the name of the folder that keeps them. */
  readonly name: string;
  /** Folder of `go.mod` and `go.sum`. */
  readonly module: string;
  /** Program to its package. */
  readonly packages: Readonly<Record<string, string>>;
  readonly tags?: readonly string[];
  readonly linkerFlags: () => string;
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

/** Builds all programs from their Go modules. Needs Go. */
export function build(programs: GoPrograms): void {
  const target = directoryOf(programs);
  const partial = `${target}.partial-${process.pid}`;
  mkdirSync(partial, { recursive: true });
  try {
    const tags = programs.tags === undefined ? [] : ['-tags', programs.tags.join(',')];
    const flags = ['build', '-trimpath', '-ldflags', programs.linkerFlags(), ...tags];
    for (const [program, path] of Object.entries(programs.packages))
      go(programs.module, [...flags, '-o', join(partial, program), path], 'inherit');
    rmSync(target, { recursive: true, force: true });
    renameSync(partial, target);
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
}

/** Version of a Go module among those that a module names. */
export function moduleVersion(module: string, path: string): string {
  return go(module, ['list', '-m', '-f', '{{.Version}}', path], 'pipe').trim();
}

function go(cwd: string, args: readonly string[], stdout: 'inherit' | 'pipe'): string {
  const env = { ...process.env, CGO_ENABLED: '0' };
  return execFileSync('go', args, { cwd, env, encoding: 'utf8', stdio: ['ignore', stdout, 'inherit'] }) ?? '';
}
