import { execFileSync } from 'node:child_process';
import { lstatSync, realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** Debian packages that the images need of their base image. Those that these need come with them. */
const PACKAGES = ['base-files', 'coreutils', 'dash', 'libc6', 'libstdc++6', 'tar'];

/** Whether this machine can stand in for the base image: a Debian with these packages. */
export function hasBase(): boolean {
  try {
    return baseFiles().length > 0;
  } catch {
    return false;
  }
}

/**
 * Files of this machine that make up a base like that of the Dockerfile, as absolute paths without links to folders in them, and the
 * links to folders that Debian has at the root, such as /bin.
 */
export function baseFiles(): string[] {
  const paths = [...withDependencies(PACKAGES)].flatMap((name) => dpkg('-L', name).split('\n'));
  const roots = paths.filter((path) => /^\/[^/.]+$/.test(path) && lstatSync(path).isSymbolicLink());
  const files = paths
    .filter((path) => path.startsWith('/') && !isDocumentation(path))
    .map((path) => join(realpathSync(dirname(path)), basename(path)))
    .filter((path) => !lstatSync(path, { throwIfNoEntry: false })?.isDirectory());
  return [...new Set([...roots, ...files])].filter(exists).sort();
}

/** The packages and the libraries that they depend on. */
function withDependencies(names: readonly string[], found = new Set<string>()): Set<string> {
  for (const name of names) {
    if (found.has(name)) continue;
    found.add(name);
    const fields = dpkg('-W', '-f', `\${Pre-Depends}, \${Depends}`, name);
    withDependencies(fields.match(/(?<=^|, )lib[a-z0-9.+-]+/g) ?? [], found);
  }
  return found;
}

function isDocumentation(path: string): boolean {
  return /^\/usr\/share\/(doc|man|info|locale|lintian)\//.test(path) && basename(path) !== 'copyright';
}

function exists(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

function dpkg(...args: string[]): string {
  return execFileSync('dpkg-query', args, { encoding: 'utf8' });
}
