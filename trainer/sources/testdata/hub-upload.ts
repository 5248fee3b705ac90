/** The part of the Hugging Face hub's HTTP API that uploads use, for tests. */
import { createHash } from 'node:crypto';
import { type FakeRepo, isLfs } from '../testing.ts';

export interface Upload {
  readonly method: string;
  readonly path: string;
  readonly body: Buffer;
  readonly token: string | undefined;
  readonly part: number;
}

export interface UploadAnswer {
  readonly status: number;
  readonly body?: unknown;
  readonly etag?: string;
}

/** What uploads change. `owners` says which token may write for which owner. */
export interface UploadState {
  readonly url: string;
  readonly repos: FakeRepo[];
  readonly owners: Readonly<Record<string, string>>;
  /** LFS objects by SHA-256. */
  readonly objects: Map<string, Buffer>;
  readonly parts: Map<string, Buffer>;
}

/** Larger objects go up in parts of this size. */
export const PART_BYTES = 100_000;

/** Answers a request of an upload, or undefined where it is none. */
export function answerUpload(state: UploadState, upload: Upload): UploadAnswer | undefined {
  const { method, path, body, token } = upload;
  if (path.startsWith('/lfs/')) return answerLfs(state, upload);
  if (path === '/api/repos/create') return create(state, JSON.parse(body.toString()), token);
  const found = /^\/api\/(model|dataset)s\/([^/]+\/[^/]+)(?:\/(preupload|commit|branch)\/(.+))?$/.exec(path);
  const batch = /^\/(?:datasets\/)?([^/]+\/[^/]+)\.git\/info\/lfs\/objects\/batch$/.exec(path);
  if (found === null && batch === null) return undefined;
  const repo = state.repos.find(({ name }) => name === (found?.[2] ?? batch?.[1]));
  if (repo === undefined) return { status: token === undefined ? 401 : 404, body: { error: 'Repository not found' } };
  if (method === 'GET') return { status: 200, body: { id: repo.name } };
  if (state.owners[owner(repo.name)] !== token) return { status: 403, body: { error: 'You may not write here.' } };
  if (batch !== null) return lfsBatch(state, JSON.parse(body.toString()));
  const [, , , action, branch = ''] = found ?? [];
  if (action === 'branch') {
    repo.branches = { [branch]: { ...repo.files }, ...repo.branches };
    return { status: 200, body: {} };
  }
  const files = filesOf(repo, branch);
  if (files === undefined) return { status: 404, body: { error: `Invalid rev id: ${branch}` } };
  return action === 'preupload' ? preupload(JSON.parse(body.toString())) : commit(state, files, body.toString());
}

/** The files of a branch; undefined where there is no such branch. */
export function filesOf(repo: FakeRepo, branch: string): Record<string, string | Uint8Array> | undefined {
  return branch === 'main' ? repo.files : repo.branches?.[branch];
}

function create(
  { repos, owners }: UploadState,
  asked: { name: string; organization: string; type: 'model' | 'dataset'; visibility?: string },
  token: string | undefined,
): UploadAnswer {
  if (token === undefined || !Object.values(owners).includes(token))
    return { status: 401, body: { error: 'Invalid username or password.' } };
  if (owners[asked.organization] !== token) return { status: 403, body: { error: 'You may not create here.' } };
  const name = `${asked.organization}/${asked.name}`;
  const isPrivate = asked.visibility === 'private';
  repos.push({ type: asked.type, name, files: { '.gitattributes': '' }, ...(isPrivate ? { token } : {}) });
  return { status: 200, body: { url: name, id: name } };
}

function preupload({ files }: { files: { path: string; size: number }[] }): UploadAnswer {
  const modes = files.map(({ path, size }) => ({
    path,
    uploadMode: isLfs(size) ? 'lfs' : 'regular',
    shouldIgnore: false,
  }));
  return { status: 200, body: { files: modes } };
}

function lfsBatch({ url, objects }: UploadState, asked: { objects: { oid: string; size: number }[] }): UploadAnswer {
  const answers = asked.objects.map(({ oid, size }) => {
    if (objects.has(oid)) return { oid, size };
    const href = `${url}/lfs/${oid}`;
    if (size <= PART_BYTES) return { oid, size, actions: { upload: { href } } };
    const parts = Array.from({ length: Math.ceil(size / PART_BYTES) }, (_, i) => [`${i + 1}`, `${href}?part=${i + 1}`]);
    return {
      oid,
      size,
      actions: { upload: { href, header: { chunk_size: `${PART_BYTES}`, ...Object.fromEntries(parts) } } },
    };
  });
  return { status: 200, body: { transfer: 'basic', objects: answers } };
}

function answerLfs({ objects, parts }: UploadState, { method, path, body, part }: Upload): UploadAnswer {
  const oid = path.slice('/lfs/'.length);
  if (method === 'PUT' && part > 0) {
    parts.set(`${oid} ${part}`, body);
    return { status: 200, etag: `"${part}"` };
  }
  const named = method === 'PUT' ? [] : (JSON.parse(body.toString()) as { parts: { partNumber: number }[] }).parts;
  const bytes =
    method === 'PUT' ? body : Buffer.concat(named.map(({ partNumber }) => parts.get(`${oid} ${partNumber}`) as Buffer));
  if (createHash('sha256').update(bytes).digest('hex') !== oid)
    return { status: 400, body: { error: 'wrong content' } };
  objects.set(oid, bytes);
  return { status: 200, body: {} };
}

function commit({ objects }: UploadState, files: Record<string, string | Uint8Array>, body: string): UploadAnswer {
  const lines = body
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { key: string; value: Record<string, string> });
  const added = lines.flatMap(({ key, value: { path = '', oid = '', content = '' } }) => {
    if (key === 'file') return [[path, Buffer.from(content, 'base64')] as const];
    return key === 'lfsFile' ? [[path, objects.get(oid)] as const] : [];
  });
  const missing = added.find(([, bytes]) => bytes === undefined);
  if (missing !== undefined) return { status: 400, body: { error: `${missing[0]} was not uploaded` } };
  Object.assign(files, Object.fromEntries(added));
  return {
    status: 200,
    body: { commitOid: '1', commitUrl: 'https://hub.example/acme/x/commit/1', hookOutput: '', success: true },
  };
}

function owner(name: string): string {
  return name.slice(0, name.indexOf('/'));
}
