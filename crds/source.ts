import { isAbsolute, posix, relative, resolve } from 'node:path';
import type { CftRun } from './cftrun.ts';

/** Whether a source is a path on this machine, and not an address such as hf://, s3:// or pvc://. */
export function isLocalSource(source: string): boolean {
  return !/^[a-z][a-z0-9+.-]*:\/\//i.test(source);
}

/** A source as an absolute path; an address stays as it is. */
export function resolveSource(source: string, manifestDir: string): string {
  return isLocalSource(source) ? resolve(manifestDir, source) : source;
}

/**
 * A `pvc://claim/path` source as a path below the place where that claim is mounted; any other source as it is, also one of another claim.
 *
 * @example mountedSource('pvc://runs/models/tiny', 'runs', '/storage') // '/storage/models/tiny'
 */
export function mountedSource(source: string, claim: string, mount: string): string {
  const [, named, path = ''] = /^pvc:\/\/([^/]+)(?:\/(.*))?$/i.exec(source) ?? [];
  return named === claim ? posix.join(mount, posix.join('/', path)) : source;
}

/** A source as seen from the run's directory, so that moving both together does not change it. */
export function sourceFromRun(source: string, runDir: string): string {
  return isAbsolute(source) ? relative(runDir, source) : source;
}

/** Absolute path of a local run's directory: storage.path, or runs/<name>, from the folder of the manifest. */
export function localRunDirectory(run: CftRun, manifestDir: string): string {
  return resolve(manifestDir, run.spec.storage?.path ?? `runs/${run.metadata.name}`);
}

/** A copy of a value with every property named `source` replaced, at any depth. */
export function mapSources<T>(value: T, replace: (source: string) => string): T {
  return mapValue(value, replace) as T;
}

function mapValue(value: unknown, replace: (source: string) => string): unknown {
  if (Array.isArray(value)) return value.map((item) => mapValue(item, replace));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      key === 'source' && typeof inner === 'string' ? replace(inner) : mapValue(inner, replace),
    ]),
  );
}
