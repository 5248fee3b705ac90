import { parentPort } from 'node:worker_threads';

/** What a reading thread answers to each `next`: another batch of rows, the end, or why there is none. */
export type FromThread =
  | { readonly rows: readonly Readonly<Record<string, unknown>>[] }
  | { readonly done: true }
  | { readonly problem: string };

/**
 * Serves batches of rows from the thread in which a file is read, as `threadRows` asks for them.
 *
 * @param batches rows with the values of whatever library read them
 */
export function serveBatches(batches: AsyncIterator<readonly unknown[]>): void {
  parentPort?.on('message', async () => parentPort?.postMessage(await answer(batches)));
}

async function answer(batches: AsyncIterator<readonly unknown[]>): Promise<FromThread> {
  try {
    const { value, done } = await batches.next();
    return done ? { done: true } : { rows: value.map((row) => plain(row) as Record<string, unknown>) };
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) };
  }
}

/** Values as JSON would have them. Whole numbers become numbers where they are exact as such, else their digits; times become ISO text. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value;
  const { toJSON } = value as { toJSON?: () => unknown };
  if (toJSON !== undefined) return plain(toJSON.call(value));
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, plain(inner)]));
}
