import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { VerifierSpec } from '../../crds/spec/verifier.ts';
import { createVerifier } from './create.ts';
import { createHttpVerifier } from './http.ts';

type Handler = (
  body: { items: { response: string; answer: string }[] },
  request: IncomingMessage,
  response: ServerResponse,
) => void;

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

async function service(handler: Handler): Promise<string> {
  const server = createServer(async (request, response) => {
    const chunks = await Array.fromAsync(request);
    handler(JSON.parse(Buffer.concat(chunks).toString()), request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/judge`;
}

const reply = (response: ServerResponse, value: unknown, status = 200) => {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(typeof value === 'string' ? value : JSON.stringify(value));
};

function verifier(url: string, options: object = {}, environment: Record<string, string> = {}, pauses: number[] = []) {
  const spec = VerifierSpec.parse({ type: 'http', url, ...options });
  if (spec.type !== 'http') throw new Error('not http');
  return createHttpVerifier(spec, environment, async (ms) => pauses.push(ms));
}

const items = (count: number) =>
  Array.from({ length: count }, (_, i) => ({ response: `r${i}`, answer: `r${i - (i % 2)}` }));

test('posts batches in order and gives back what the service says', async () => {
  const sizes: number[] = [];
  const url = await service((body, _, response) => {
    sizes.push(body.items.length);
    reply(response, {
      verdicts: body.items.map((item) => ({ correct: item.response === item.answer, extracted: item.response })),
    });
  });
  const verdicts = await createVerifier(VerifierSpec.parse({ type: 'http', url, batchSize: 4 })).verify(items(10));
  expect(sizes).toEqual([4, 4, 2]);
  expect(verdicts.map(({ correct }) => correct)).toEqual(Array.from({ length: 10 }, (_, i) => i % 2 === 0));
  expect(verdicts[3]).toEqual({ correct: false, score: 0, extracted: 'r3', expected: 'r2' });
});

test('a score counts as correct from the threshold on', async () => {
  const url = await service((_, __, response) => reply(response, { verdicts: [{ score: 0.4 }, { score: 0.5 }] }));
  const verdicts = await verifier(url, { threshold: 0.5 }).verify(items(2));
  expect(verdicts.map(({ correct, score }) => [correct, score])).toEqual([
    [false, 0.4],
    [true, 0.5],
  ]);
});

test('headers come from the environment, and a missing one is told before any request', async () => {
  const seen: (string | undefined)[] = [];
  const url = await service((_, request, response) => {
    seen.push(request.headers.authorization);
    reply(response, { verdicts: [{ correct: true }] });
  });
  const options = { headers: [{ name: 'Authorization', valueFromEnv: 'JUDGE_TOKEN' }] };
  await verifier(url, options, { JUDGE_TOKEN: 'Bearer abc' }).verify(items(1));
  expect(seen).toEqual(['Bearer abc']);
  expect(() => verifier(url, options)).toThrow(/JUDGE_TOKEN is not set/);
});

test('what may pass is tried again, each time after a longer pause, or when the service says', async () => {
  let calls = 0;
  const url = await service((_, request, response) => {
    calls++;
    if (calls === 1) return reply(response, 'busy', 503);
    if (calls === 2) return request.socket.destroy();
    if (calls === 3) return response.writeHead(429, { 'retry-after': '7' }).end();
    return reply(response, { verdicts: [{ correct: true }] });
  });
  const pauses: number[] = [];
  const [verdict] = await verifier(url, {}, {}, pauses).verify(items(1));
  expect(verdict?.correct).toBe(true);
  expect(pauses).toEqual([500, 1000, 7000]);
});

test('a service that keeps failing, or never answers, ends in one error', async () => {
  const broken = await service((_, __, response) => reply(response, 'out of memory', 500));
  await expect(verifier(broken, { retries: 2 }).verify(items(1))).rejects.toMatchObject({
    code: 'ServiceUnavailable',
    message: 'the verifier failed 3 times: status 500: out of memory',
    where: broken,
  });
  const silent = await service(() => {});
  await expect(verifier(silent, { retries: 0, timeoutSeconds: 1 }).verify(items(1))).rejects.toMatchObject({
    code: 'ServiceUnavailable',
    message: expect.stringContaining('no answer within 1 s'),
  });
  const gone = await service(() => {});
  for (const close of closers.splice(-1)) close();
  await expect(verifier(gone, { retries: 0 }).verify(items(1))).rejects.toMatchObject({
    code: 'ServiceUnavailable',
    message: expect.stringContaining('ECONNREFUSED'),
  });
});

test.each<[string, unknown, RegExp]>([
  ['text', 'hello', /is not JSON/],
  ['too few verdicts', { verdicts: [{ correct: true }] }, /has 1 verdicts for 2 items/],
  ['a score out of range', { verdicts: [{ score: 1 }, { score: 2 }] }, /verdicts\.1\.score/],
  ['neither correct nor score', { verdicts: [{}, {}] }, /verdicts\.0: must have correct or score/],
  ['no list', [], /breaks the format at the root/],
])('a reply with %s is refused, not repeated', async (_, body, message) => {
  let calls = 0;
  const url = await service((__, ___, response) => {
    calls++;
    reply(response, body);
  });
  await expect(verifier(url).verify(items(2))).rejects.toMatchObject({
    code: 'InvalidArgument',
    message: expect.stringMatching(message),
  });
  expect(calls).toBe(1);
});

test('a refusal is told with its status', async () => {
  const url = await service((_, __, response) => reply(response, 'who are you?', 401));
  await expect(verifier(url).verify(items(1))).rejects.toMatchObject({
    code: 'InvalidArgument',
    message: expect.stringContaining('status 401'),
    value: 'who are you?',
  });
});
