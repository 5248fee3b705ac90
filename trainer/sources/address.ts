import { CftError } from '../../crds/errors.ts';
import { isLocalSource } from '../../crds/source.ts';

/** Where a model or data set lies. `path` is a file or folder in the repository, the whole of it when empty. */
export type Address =
  | { readonly kind: 'local'; readonly path: string }
  | { readonly kind: 'hub'; readonly repo: string; readonly revision: string; readonly path: string }
  | { readonly kind: 's3'; readonly bucket: string; readonly key: string };

const HUB = /^hf:\/\/(?:models\/|datasets\/)?([\w.-]+\/[\w.-]+)(?:@([^/]+))?(?:\/(.*))?$/i;
const S3 = /^s3:\/\/([^/]+)(?:\/(.*))?$/i;

/**
 * Reads a source: a path, `hf://owner/name@revision/path`, or `s3://bucket/key`. A slash in a revision is written `%2F`.
 *
 * @throws CftError InvalidArgument for another scheme, or one of these that is wrongly written
 * @example parseAddress('hf://Qwen/Qwen2.5-0.5B') // { kind: 'hub', repo: 'Qwen/Qwen2.5-0.5B', revision: 'main', path: '' }
 */
export function parseAddress(source: string): Address {
  if (isLocalSource(source)) return { kind: 'local', path: source };
  const hub = HUB.exec(source);
  if (hub !== null) {
    const [, repo = '', revision = 'main', path = ''] = hub;
    return { kind: 'hub', repo, revision: decodeURIComponent(revision), path: path.replace(/\/$/, '') };
  }
  const s3 = S3.exec(source);
  if (s3 !== null) return { kind: 's3', bucket: s3[1] as string, key: (s3[2] ?? '').replace(/\/$/, '') };
  const scheme = source.slice(0, source.indexOf(':'));
  throw new CftError('InvalidArgument', `the address can't be read: ${source}`, {
    where: source,
    value: source,
    hint: HINTS[scheme.toLowerCase()] ?? 'use a path, hf://owner/name@revision, s3://bucket/prefix or pvc://claim/path',
  });
}

/** What other programs call a source: `owner/name` on the hub, else the source itself. */
export function nameOf(source: string): string {
  const address = parseAddress(source);
  return address.kind === 'hub' && address.path === '' ? address.repo : source;
}

const HINTS: Readonly<Record<string, string>> = {
  hf: 'write hf://owner/name, with @revision where it is not main',
  s3: 'write s3://bucket/prefix',
  pvc: 'pvc://claim/path is for runs in a cluster, where it is mounted; here name a path',
};
