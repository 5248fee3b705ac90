import { afterEach, expect, test } from 'vitest';
import { ApiError } from './api-error.ts';
import type { KubeClient, Query, RequestOptions } from './client.ts';
import type { KubeObject } from './objects.ts';
import { Reflector } from './reflector.ts';
import { PODS } from './resources.ts';

type Line = { type: string; object: object };

/** Answers lists and watches from a script, and notes what was asked. A watch without a script stays open. */
class Script implements Pick<KubeClient, 'send' | 'lines'> {
  readonly lists: Query[] = [];
  readonly watches: Query[] = [];
  readonly #pages: (object | Error)[];
  readonly #streams: (readonly Line[] | Error)[];

  constructor(pages: (object | Error)[], streams: (readonly Line[] | Error)[] = []) {
    this.#pages = pages;
    this.#streams = streams;
  }

  async send<T>(_method: string, _path: string, { query = {} }: RequestOptions = {}): Promise<T> {
    this.lists.push(query);
    const page = this.#pages.length > 1 ? this.#pages.shift() : this.#pages[0];
    if (page instanceof Error) throw page;
    return page as T;
  }

  async *lines(_path: string, { query, signal }: { query: Query; signal: AbortSignal }): AsyncGenerator<string> {
    this.watches.push(query);
    const stream = this.#streams.shift();
    if (stream instanceof Error) throw stream;
    for (const line of stream ?? []) yield JSON.stringify(line);
    if (stream === undefined) await new Promise((resolve) => signal.addEventListener('abort', resolve));
  }
}

const pod = (name: string, resourceVersion: string, run = 'a'): KubeObject => ({
  metadata: { name, namespace: 'n', resourceVersion, labels: { run } },
});
const page = (resourceVersion: string, ...items: KubeObject[]) => ({ metadata: { resourceVersion }, items });

const stops: AbortController[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop.abort();
});

function start(client: Script) {
  const stop = new AbortController();
  stops.push(stop);
  const changes: string[] = [];
  const errors: unknown[] = [];
  const reflector = new Reflector<KubeObject>({
    ...{ client, resource: PODS, namespace: 'n', signal: stop.signal },
    indexBy: ({ metadata }) => metadata.labels?.run,
    keep: (object) => object,
    onChange: ({ metadata }) => changes.push(`${metadata.name}@${metadata.resourceVersion}`),
    onError: (error) => errors.push(error),
  });
  void reflector.run();
  const until = async (check: () => boolean) => {
    for (let i = 0; !check(); i++) {
      if (i > 400)
        throw new Error(`not so: ${JSON.stringify({ changes, lists: client.lists, watches: client.watches })}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };
  return { reflector, changes, errors, until };
}

test('lists in pages, then watches from the version of the list', async () => {
  const first = { metadata: { resourceVersion: '7', continue: 'more' }, items: [pod('x', '1')] };
  const client = new Script([first, page('7', pod('y', '2'))]);
  const { reflector, changes, until } = start(client);
  await reflector.synced;
  expect(reflector.list().map(({ metadata }) => metadata.name)).toEqual(['x', 'y']);
  expect(changes).toEqual(['x@1', 'y@2']);
  expect(client.lists.map((query) => query.continue)).toEqual([undefined, 'more']);
  await until(() => client.watches.length === 1);
  expect(client.watches[0]).toMatchObject({ resourceVersion: '7', allowWatchBookmarks: true });
});

test('follows what the watch says, by index too', async () => {
  const client = new Script(
    [page('1', pod('x', '1'))],
    [
      [
        { type: 'ADDED', object: pod('y', '2') },
        { type: 'MODIFIED', object: pod('x', '3', 'b') },
        { type: 'DELETED', object: pod('y', '4') },
      ],
    ],
  );
  const { reflector, changes, until } = start(client);
  await until(() => changes.length === 4);
  expect(reflector.get('n/y')).toBeUndefined();
  expect(reflector.ofIndex('a')).toEqual([]);
  expect(reflector.ofIndex('b').map(({ metadata }) => metadata.name)).toEqual(['x']);
});

test('goes on from the last bookmark, without another list, where a watch ends', async () => {
  const client = new Script([page('1')], [[{ type: 'BOOKMARK', object: { metadata: { resourceVersion: '90' } } }]]);
  const { until, errors } = start(client);
  await until(() => client.watches.length === 2);
  expect(client.watches.map(({ resourceVersion }) => resourceVersion)).toEqual(['1', '90']);
  expect(client.lists).toHaveLength(1);
  expect(errors).toEqual([]);
});

test.each([
  ['in an answer', new ApiError(410, 'too old')],
  ['in the stream', [{ type: 'ERROR', object: { code: 410, message: 'too old' } }]],
])('lists again where its version has expired (410 %s), and tells of what went meanwhile', async (_, expired) => {
  const client = new Script(
    [page('1', pod('x', '1'), pod('y', '1')), page('50', pod('y', '1'), pod('z', '40'))],
    [expired],
  );
  const { reflector, changes, until, errors } = start(client);
  await until(() => client.watches.length === 2);
  expect(reflector.list().map(({ metadata }) => metadata.name)).toEqual(['y', 'z']);
  // y has not changed: nobody needs to look at it.
  expect(changes).toEqual(['x@1', 'y@1', 'x@1', 'z@40']);
  expect(client.watches[1]).toMatchObject({ resourceVersion: '50' });
  expect(errors).toEqual([]);
});

test('keeps what it has while the API server is away, and says so', async () => {
  const client = new Script([page('1', pod('x', '1'))], [new ApiError(500, 'away')]);
  const { reflector, until, errors } = start(client);
  await until(() => client.watches.length === 2);
  expect(reflector.get('n/x')).toBeDefined();
  expect(client.watches[1]).toMatchObject({ resourceVersion: '1' });
  expect(errors).toHaveLength(1);
});

test('a list that fails in the middle is no list: it starts over', async () => {
  const first = { metadata: { resourceVersion: '7', continue: 'more' }, items: [pod('x', '1')] };
  const client = new Script([first, new ApiError(410, 'the continue token is too old'), page('9', pod('y', '8'))]);
  const { reflector } = start(client);
  expect(reflector.hasSynced).toBe(false);
  await reflector.synced;
  expect(reflector.list().map(({ metadata }) => metadata.name)).toEqual(['y']);
  expect(client.lists.map((query) => query.continue)).toEqual([undefined, 'more', undefined]);
});
