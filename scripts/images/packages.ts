import { readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { join } from 'node:path';

interface LockedPackage {
  readonly version?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

/** What package-lock.json and the list that npm keeps of what it installed have in common. */
export type Lock = Readonly<Record<string, LockedPackage>>;

/** The packages that npm installed in `root`. */
export function installedPackages(root: string): Lock {
  return JSON.parse(readFileSync(join(root, 'node_modules/.package-lock.json'), 'utf8')).packages;
}

/** Names of the packages that source texts import, sorted. */
export function importedPackages(sources: Iterable<string>): string[] {
  const names = new Set<string>();
  for (const source of sources) {
    for (const [, specifier = ''] of source.matchAll(/\b(?:from|import|require|resolve)\s*\(?\s*'([@a-z][^']*)'/g)) {
      const name = specifier
        .split('/')
        .slice(0, specifier.startsWith('@') ? 2 : 1)
        .join('/');
      if (!specifier.includes(':') && !builtinModules.includes(name)) names.add(name);
    }
  }
  return [...names].sort();
}

/**
 * Folders of the packages that those named need at run time, such as `node_modules/a/node_modules/b`, sorted. Optional ones that are not
 * installed are left out, and types.
 *
 * @throws if a needed package is not installed
 */
export function packageClosure(lock: Lock, names: readonly string[]): string[] {
  const found = new Set<string>();
  const add = (name: string, from: string, optional: boolean) => {
    if (name.startsWith('@types/')) return;
    const folder = resolvePackage(lock, name, from);
    if (folder === undefined) {
      if (optional) return;
      throw new Error(`${name}, which ${from || 'the project'} needs, is not installed: run \`npm run setup\``);
    }
    if (found.has(folder)) return;
    found.add(folder);
    const { dependencies = {}, optionalDependencies = {}, peerDependencies = {} } = lock[folder] ?? {};
    for (const needed of Object.keys(dependencies)) add(needed, folder, needed in optionalDependencies);
    for (const needed of Object.keys({ ...optionalDependencies, ...peerDependencies })) add(needed, folder, true);
  };
  for (const name of names) add(name, '', false);
  return [...found].sort();
}

/** The folder in which Node finds a package that a file of the package in `from` imports. */
function resolvePackage(lock: Lock, name: string, from: string): string | undefined {
  for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/node_modules/')))) {
    const candidate = join(folder, 'node_modules', name);
    if (lock[candidate] !== undefined) return candidate;
    if (folder === '') return undefined;
  }
}
