import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { KubeConfig } from '@kubernetes/client-node';
import { afterEach, expect, test } from 'vitest';
import { ApiError } from './api-error.ts';
import { type ClientOptions, KubeClient, NotLeadingError } from './client.ts';
import { PODS } from './resources.ts';

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

/** A client of a server of this test. */
async function clientOf(handler: RequestListener, options: ClientOptions = {}): Promise<KubeClient> {
  const server = createServer(handler);
  closers.push(() => server.close().closeAllConnections());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const config = new KubeConfig();
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  config.loadFromClusterAndUser({ name: 'test', server: url, skipTLSVerify: true }, { name: 'me' });
  return new KubeClient(config, options);
}

test('an answer other than 2xx is an ApiError with what the server says', async () => {
  const status = { kind: 'Status', reason: 'TooManyRequests', message: 'slow down' };
  const seen: [string, number][] = [];
  const client = await clientOf(
    (_, response) => response.writeHead(429, { 'retry-after': '7' }).end(JSON.stringify(status)),
    { observe: (method, _, code) => seen.push([method, code]) },
  );
  const error = await client.get(PODS, 'n', 'p').catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(ApiError);
  expect(error).toMatchObject({ status: 429, reason: 'TooManyRequests', message: 'slow down', retryAfter: 7 });
  expect(seen).toEqual([['GET', 429]]);
});

test('one that is not from Kubernetes says what came', async () => {
  const client = await clientOf((_, response) => response.writeHead(502).end('<html>bad gateway'));
  await expect(client.get(PODS, 'n', 'p')).rejects.toThrow('the API server answered 502: <html>bad gateway');
});

test('who may not write reads on, and sends nothing else', async () => {
  const methods: string[] = [];
  const client = await clientOf(
    (request, response) => {
      methods.push(request.method ?? '');
      response.end('{}');
    },
    { mayWrite: () => false },
  );
  await client.get(PODS, 'n', 'p');
  for (const write of [
    client.create('/x', {}),
    client.delete(PODS, 'n', 'p'),
    client.merge(PODS, 'n', 'p', {}),
    client.apply(PODS, { metadata: { name: 'p' } }),
    client.replace(PODS, { metadata: { name: 'p' } }),
  ])
    await expect(write).rejects.toBeInstanceOf(NotLeadingError);
  expect(methods).toEqual(['GET']);
});

test('lines of a stream come whole, wherever the pieces are cut', async () => {
  const text = Buffer.from('{"a":"é"}\n{"b":2}\n\n{"c":3}\n');
  const client = await clientOf(async (_, response) => {
    for (const byte of text) {
      response.write(Buffer.from([byte]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    response.end();
  });
  const lines: string[] = [];
  const options = { query: {}, signal: new AbortController().signal, idle: 1000 };
  for await (const line of client.lines('/watch', options)) lines.push(line);
  expect(lines).toEqual(['{"a":"é"}', '{"b":2}', '{"c":3}']);
});

test('a stream that is silent for too long ends with an error', async () => {
  const client = await clientOf((_, response) => response.writeHead(200).write('{"a":1}\n'));
  const options = { query: {}, signal: new AbortController().signal, idle: 200 };
  const read = async () => {
    for await (const line of client.lines('/watch', options)) expect(line).toBe('{"a":1}');
  };
  await expect(read()).rejects.toThrow(/timeout/i);
});
