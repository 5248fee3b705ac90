import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { METRICS_PORT } from '../jobs/pod.ts';
import type { Pod } from '../kube/objects.ts';
import { ManualClock } from '../queue/manual-clock.ts';
import { jobOf, podOf, someRun } from '../testdata/facts.ts';
import { askPod, type LiveProgress } from './ask.ts';
import { ProgressWatch } from './watch.ts';

const run = someRun();
const running = (index: number): Pod => podOf(jobOf(run, 'generate'), { index, state: { running: {} } });

function watchOf(pods: () => Pod[], ask: (pod: Pod) => LiveProgress | undefined) {
  const changes: string[] = [];
  const watch = new ProgressWatch({
    ...{ pods, clock: new ManualClock(), interval: 10, signal: new AbortController().signal },
    runOf: () => 'team/a',
    ask: async (pod) => ask(pod),
    onChange: (key) => changes.push(key),
  });
  return { watch, changes };
}

const said = (ratio: number, etaSeconds?: number): LiveProgress => ({ stage: 'generate-00000', ratio, etaSeconds });

test('a run is told of at its first word, at its first estimate, and then at every step of a hundredth', async () => {
  let now = said(0);
  const { watch, changes } = watchOf(
    () => [running(0)],
    () => now,
  );
  const after = async (progress: LiveProgress) => {
    now = progress;
    await watch.round();
    return changes.length;
  };
  expect(await after(said(0))).toBe(1);
  expect(await after(said(0.004))).toBe(1);
  expect(await after(said(0.005, 60))).toBe(2);
  expect(await after(said(0.009, 59))).toBe(2);
  expect(watch.of('team/a').get(running(0).metadata.uid ?? '')?.ratio).toBe(0.005);
  expect(await after(said(0.016, 58))).toBe(3);
});

test('however often it is looked at, a stage costs about a hundred writes', async () => {
  let ratio = 0;
  const { watch, changes } = watchOf(
    () => [running(0), running(1)],
    () => said(ratio, 5),
  );
  for (; ratio <= 1; ratio += 0.0005) await watch.round();
  expect(changes.length).toBeLessThanOrEqual(101);
  expect(changes.length).toBeGreaterThan(90);
});

test('a pod that is silent keeps what it said last; one that has gone is forgotten', async () => {
  let answer: LiveProgress | undefined = said(0.5);
  let pods = [running(0)];
  const { watch } = watchOf(
    () => pods,
    () => answer,
  );
  await watch.round();
  answer = undefined;
  await watch.round();
  expect(watch.of('team/a').size).toBe(1);
  pods = [];
  await watch.round();
  expect(watch.of('team/a').size).toBe(0);
});

test('only running pods are asked, and not all at once', async () => {
  const asked = new Set<string>();
  let [open, most] = [0, 0];
  const pods = [
    podOf(jobOf(run, 'generate'), { phase: 'Pending' }),
    ...Array.from({ length: 100 }, (_, i) => running(i)),
  ];
  const watch = new ProgressWatch({
    ...{ pods: () => pods, clock: new ManualClock(), interval: 10, signal: new AbortController().signal },
    runOf: () => 'team/a',
    ask: async (pod) => {
      asked.add(pod.metadata.name);
      most = Math.max(most, ++open);
      await new Promise((resolve) => setImmediate(resolve));
      open--;
      return undefined;
    },
    onChange: () => {},
  });
  await watch.round();
  expect(asked.size).toBe(100);
  expect(most).toBe(16);
});

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

/** A pod whose address leads to a server of this test. */
async function podServedBy(handler: RequestListener, address: string): Promise<Pod> {
  const server = createServer(handler);
  closers.push(() => server.close().closeAllConnections());
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(METRICS_PORT, address, resolve));
  return { metadata: { name: 'p' }, status: { podIP: (server.address() as AddressInfo).address } };
}

const never = new AbortController().signal;

test('a pod is asked at its address, and its report read', async () => {
  const report = { stage: 'report', phase: 'x', done: 1, total: 4, ratio: 0.25, etaSeconds: null };
  const pod = await podServedBy((request, response) => {
    response.writeHead(request.url === '/progress' ? 200 : 404).end(JSON.stringify(report));
  }, '127.0.43.1');
  expect(await askPod(pod, never)).toEqual({ stage: 'report', ratio: 0.25, etaSeconds: undefined });
});

test.each<[string, RequestListener]>([
  ['nonsense', (_, response) => response.end('<html>')],
  ['a ratio above 1', (_, response) => response.end(JSON.stringify({ stage: 'a', ratio: 2, etaSeconds: null }))],
  ['an error', (_, response) => response.writeHead(500).end('{}')],
  ['an answer without an end', (_, response) => void setInterval(() => response.write('x'.repeat(10_000)), 1).unref()],
  ['a redirect', (_, response) => response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end()],
  ['a connection that breaks', (request) => void request.socket.destroy()],
])('%s is no progress, and no error', async (_, handler) => {
  expect(await askPod(await podServedBy(handler, '127.0.43.2'), never)).toBeUndefined();
});

test('a pod without an address, or where nothing listens, is not waited for', async () => {
  expect(await askPod({ metadata: { name: 'p' } }, never)).toBeUndefined();
  expect(await askPod({ metadata: { name: 'p' }, status: { podIP: '127.0.43.3' } }, never)).toBeUndefined();
});
