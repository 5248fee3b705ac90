import { parentPort, workerData } from 'node:worker_threads';

/** One answered request: when it was sent (ms since the epoch), how long it took, and a line of the answer. */
export interface ProbeSample {
  readonly sentAt: number;
  readonly milliseconds: number;
  readonly value: number | undefined;
}

// Asks for /metrics, one request after the other, until told to stop, and then says how long each took.
const { url, pattern } = workerData as { url: string; pattern: string };
const samples: ProbeSample[] = [];
let stopped = false;
parentPort?.once('message', () => {
  stopped = true;
});
await ask();
parentPort?.postMessage('ready');
while (!stopped) {
  samples.push(await ask());
  await new Promise((resolve) => setTimeout(resolve, 5));
}
parentPort?.postMessage(samples);

async function ask(): Promise<ProbeSample> {
  const sentAt = Date.now();
  const started = performance.now();
  const text = await (await fetch(`${url}/metrics`)).text();
  const match = new RegExp(pattern).exec(text)?.[1];
  return { sentAt, milliseconds: performance.now() - started, value: match === undefined ? undefined : Number(match) };
}
