/** A server that speaks the part of the Hugging Face hub's HTTP API that downloads and uploads use, for tests. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { answerUpload, filesOf, type UploadState } from './testdata/hub-upload.ts';

export interface FakeRepo {
  readonly type: 'model' | 'dataset';
  readonly name: string;
  /** By path. Those of 1,000 bytes or more are stored as LFS files are: listed with their SHA-256, and served after a redirect. */
  files: Record<string, string | Uint8Array>;
  /** Asked for as `Authorization: Bearer ...`. */
  readonly token?: string;
  commit?: string;
  /** Those other than main. */
  branches?: Record<string, Record<string, string | Uint8Array>>;
}

export interface FakeHub extends UploadState {
  /** `METHOD path range` of every request. */
  readonly requests: string[];
  /** Called before content is sent; may end the answer itself and return true. */
  intercept: ((path: string, content: Buffer, start: number, response: ServerResponse) => boolean) | undefined;
  /** Asked before a request of an upload: a status to answer, or 0 to cut the connection. */
  refuse: ((request: string) => number | undefined) | undefined;
  close(): void;
}

const LFS_FROM = 1000;

/** @param owners which token may write for which owner */
export async function startFakeHub(
  given: readonly FakeRepo[],
  owners: Readonly<Record<string, string>> = {},
): Promise<FakeHub> {
  const requests: string[] = [];
  const repos = [...given];
  const hub: { -readonly [K in keyof FakeHub]: FakeHub[K] } = {
    url: '',
    requests,
    repos,
    owners,
    objects: new Map(),
    parts: new Map(),
    intercept: undefined,
    refuse: undefined,
    close: () => {},
  };
  const server = createServer(async (request, response) => {
    const url = new URL(request.url ?? '/', 'http://hub');
    const line = [request.method, decodeURIComponent(url.pathname), request.headers.range].filter(Boolean).join(' ');
    requests.push(line);
    const uploaded = await upload(hub, url, request, line);
    if (uploaded === 'cut') return response.destroy();
    if (uploaded !== undefined) {
      if (uploaded.etag !== undefined) response.setHeader('etag', uploaded.etag);
      return json(response, uploaded.status, uploaded.body ?? {});
    }
    const answer = route(repos, url, request);
    if ('status' in answer) return json(response, answer.status, answer.body);
    if ('location' in answer) return response.writeHead(302, { location: answer.location }).end();
    send(answer, request, response, hub.intercept);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  hub.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  hub.close = () => {
    server.closeAllConnections();
    server.close();
  };
  return hub;
}

async function upload(hub: FakeHub, url: URL, request: IncomingMessage, line: string) {
  const body = Buffer.concat(await Array.fromAsync(request as AsyncIterable<Buffer>));
  const status = hub.refuse?.(line);
  if (status !== undefined) return status === 0 ? 'cut' : { status, body: { error: 'refused' } };
  return answerUpload(hub, {
    method: request.method ?? '',
    path: decodeURIComponent(url.pathname),
    body,
    token: /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1],
    part: Number(url.searchParams.get('part') ?? 0),
  });
}

interface Content {
  readonly path: string;
  readonly content: Buffer;
}
type Answer = { status: number; body: unknown } | { location: string } | Content;

function route(repos: readonly FakeRepo[], url: URL, request: IncomingMessage): Answer {
  const path = decodeURIComponent(url.pathname);
  const repo = repos.find((one) => path.includes(one.name));
  if (repo === undefined) return { status: 401, body: { error: 'Invalid username or password.' } };
  if (repo.token !== undefined && request.headers.authorization !== `Bearer ${repo.token}`)
    return { status: 401, body: { error: 'Access to this repository is restricted.' } };
  const kind = `${repo.type}s`;
  const commit = commitOf(repo);
  const known = (revision: string) => ['main', commit].includes(revision);
  const info = new RegExp(`^/api/${kind}/${repo.name}/revision/(.+)$`).exec(path);
  if (info !== null) {
    if (!known(info[1] as string)) return { status: 404, body: { error: `Invalid rev id: ${info[1]}` } };
    return {
      status: 200,
      body: { _id: '1', id: repo.name, sha: commit, private: false, lastModified: '2026-01-01T00:00:00.000Z' },
    };
  }
  const tree = new RegExp(`^/api/${kind}/${repo.name}/tree/([^/]+)$`).exec(path);
  const listed = tree === null ? undefined : known(tree[1] as string) ? repo.files : filesOf(repo, tree[1] as string);
  if (listed !== undefined) return { status: 200, body: Object.entries(listed).map(entry) };
  const prefix = repo.type === 'model' ? '' : `/${kind}`;
  const file = new RegExp(`^${prefix}/${repo.name}/(resolve|cdn)/([^/]+)/(.+)$`).exec(path);
  const content = file === null ? undefined : repo.files[file[3] as string];
  if (file === null || content === undefined || !known(file[2] as string))
    return { status: 404, body: { error: 'Entry not found' } };
  const bytes = Buffer.from(content);
  return isLfs(bytes.length) && file[1] === 'resolve'
    ? { location: url.pathname.replace('/resolve/', '/cdn/') }
    : { path: file[3] as string, content: bytes };
}

/** Whether a file of this size is stored as LFS files are. */
export function isLfs(size: number): boolean {
  return size >= LFS_FROM;
}

function entry([path, content]: [string, string | Uint8Array]): object {
  const bytes = Buffer.from(content);
  const oid = createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex');
  if (!isLfs(bytes.length)) return { type: 'file', path, size: bytes.length, oid };
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return { type: 'file', path, size: bytes.length, oid, lfs: { oid: sha256, size: bytes.length, pointerSize: 130 } };
}

function commitOf({ commit, name }: FakeRepo): string {
  return commit ?? createHash('sha1').update(name).digest('hex');
}

function send(
  { path, content }: Content,
  request: IncomingMessage,
  response: ServerResponse,
  intercept: FakeHub['intercept'],
): void {
  const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
  const start = Number(range?.[1] ?? 0);
  const end = Math.min(range?.[2] ? Number(range[2]) + 1 : content.length, content.length);
  response.writeHead(range === null ? 200 : 206, {
    etag: `"${createHash('sha1').update(content).digest('hex')}"`,
    'content-length': end - start,
    ...(range === null ? {} : { 'content-range': `bytes ${start}-${end - 1}/${content.length}` }),
  });
  // One byte is how the size is asked for.
  if (end - start > 1 && intercept?.(path, content, start, response)) return;
  response.end(content.subarray(start, end));
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}
