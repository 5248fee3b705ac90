import { isAbsolute, posix, relative, resolve } from 'node:path';
import type { CftRun } from './cftrun.ts';
import type { FieldPath } from './field-path.ts';

/** Whether a source is a path on this machine, and not an address such as hf://, s3:// or pvc://. */
export function isLocalSource(source: string): boolean {
  return !/^[a-z][a-z0-9+.-]*:\/\//i.test(source);
}

/** A source as an absolute path; an address stays as it is. */
export function resolveSource(source: string, manifestDir: string): string {
  return isLocalSource(source) ? resolve(manifestDir, source) : source;
}

const CLAIM = /^pvc:\/\/([^/]+)(?:\/(.*))?$/i;

/** Name of the claim in which a `pvc://claim/path` source lies; undefined for any other source. */
export function claimOfSource(source: string): string | undefined {
  return CLAIM.exec(source)?.[1];
}

/**
 * A `pvc://claim/path` source as a path below the place where its claim is mounted, out of which no `..` leads; any other source as it is.
 *
 * @param mountOf where a claim is mounted; undefined leaves its sources as they are
 * @example mountedSource('pvc://shared/models/tiny', (claim) => `/claims/${claim}`) // '/claims/shared/models/tiny'
 */
export function mountedSource(source: string, mountOf: (claim: string) => string | undefined): string {
  const [, claim, path = ''] = CLAIM.exec(source) ?? [];
  const mount = claim === undefined ? undefined : mountOf(claim);
  return mount === undefined ? source : posix.join(mount, posix.join('/', path));
}

/** A source as seen from the run's directory, so that moving both together does not change it. */
export function sourceFromRun(source: string, runDir: string): string {
  return isAbsolute(source) ? relative(runDir, source) : source;
}

/** Absolute path of a local run's directory: storage.path, or runs/<name>, from the folder of the manifest. */
export function localRunDirectory(run: CftRun, manifestDir: string): string {
  return resolve(manifestDir, run.spec.storage?.path ?? `runs/${run.metadata.name}`);
}

/** A property named `source`, and where it is. */
export interface FoundSource {
  readonly keys: FieldPath;
  readonly source: string;
}

/** All properties named `source`, at any depth, in the order of the value. */
export function sourcesIn(value: unknown, keys: FieldPath = []): FoundSource[] {
  if (typeof value !== 'object' || value === null) return [];
  const entries: [string | number, unknown][] = Array.isArray(value) ? [...value.entries()] : Object.entries(value);
  return entries.flatMap(([key, inner]) => {
    const at = [...keys, key];
    return key === 'source' && typeof inner === 'string' ? [{ keys: at, source: inner }] : sourcesIn(inner, at);
  });
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
