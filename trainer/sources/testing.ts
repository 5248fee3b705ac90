/** A server that speaks the part of the Hugging Face hub's HTTP API that downloads use, for tests. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface FakeRepo {
  readonly type: 'model' | 'dataset';
  readonly name: string;
  /** By path. Those of 1,000 bytes or more are stored as LFS files are: listed with their SHA-256, and served after a redirect. */
  files: Record<string, string | Uint8Array>;
  /** Asked for as `Authorization: Bearer ...`. */
  readonly token?: string;
  commit?: string;
}

export interface FakeHub {
  readonly url: string;
  /** `METHOD path range` of every request. */
  readonly requests: string[];
  /** Called before content is sent; may end the answer itself and return true. */
  intercept: ((path: string, content: Buffer, start: number, response: ServerResponse) => boolean) | undefined;
  close(): void;
}

const LFS_FROM = 1000;

export async function startFakeHub(repos: readonly FakeRepo[]): Promise<FakeHub> {
  const requests: string[] = [];
  const hub: { -readonly [K in keyof FakeHub]: FakeHub[K] } = {
    url: '',
    requests,
    intercept: undefined,
    close: () => {},
  };
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://hub');
    requests.push([request.method, decodeURIComponent(url.pathname), request.headers.range].filter(Boolean).join(' '));
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
  if (tree !== null && known(tree[1] as string)) return { status: 200, body: Object.entries(repo.files).map(entry) };
  const prefix = repo.type === 'model' ? '' : `/${kind}`;
  const file = new RegExp(`^${prefix}/${repo.name}/(resolve|cdn)/([^/]+)/(.+)$`).exec(path);
  const content = file === null ? undefined : repo.files[file[3] as string];
  if (file === null || content === undefined || !known(file[2] as string))
    return { status: 404, body: { error: 'Entry not found' } };
  const bytes = Buffer.from(content);
  const isLfs = bytes.length >= LFS_FROM;
  return isLfs && file[1] === 'resolve'
    ? { location: url.pathname.replace('/resolve/', '/cdn/') }
    : { path: file[3] as string, content: bytes };
}

function entry([path, content]: [string, string | Uint8Array]): object {
  const bytes = Buffer.from(content);
  const oid = createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex');
  if (bytes.length < LFS_FROM) return { type: 'file', path, size: bytes.length, oid };
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
