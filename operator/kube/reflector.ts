import { setTimeout as sleep } from 'node:timers/promises';
import { type Backoff, backoffDelay } from '../queue/backoff.ts';
import { ApiError, isStatus } from './api-error.ts';
import type { KubeClient } from './client.ts';
import { type KubeList, type KubeObject, keyOf } from './objects.ts';
import { collectionPath, type Resource } from './resources.ts';

export interface ReflectorOptions<T extends KubeObject> {
  readonly client: Pick<KubeClient, 'send' | 'lines'>;
  readonly resource: Resource;
  /** Undefined: all namespaces. */
  readonly namespace: string | undefined;
  readonly labelSelector?: string;
  /** Objects with the same value are found together, by {@link Reflector.ofIndex}. */
  readonly indexBy?: (object: T) => string | undefined;
  /** What of an object is kept in memory. */
  readonly keep: (object: T) => T;
  /** Told of every object that came, changed or went. Must be quick: it only notes what to look at. */
  readonly onChange: (object: T) => void;
  readonly onError: (error: unknown) => void;
  readonly signal: AbortSignal;
}

const PAGE = 500;
const BACKOFF: Backoff = { first: 500, longest: 30_000 };
/** The server ends a watch after so many seconds, and sends a bookmark about every minute before. */
const WATCH_SECONDS = 300;
/** Without a byte for so many milliseconds, not even a bookmark, a watch is taken for dead. */
const IDLE = 120_000;

const SHORT_WATCH = 1000;

interface WatchEvent<T> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  readonly object: T & { readonly code?: number; readonly message?: string };
}

/**
 * A copy of the API server's objects of one kind, kept up to date: list in pages, then watch from there; list again where the watch
 * can't go on; after errors wait longer and longer. What was in the copy stays there meanwhile.
 */
export class Reflector<T extends KubeObject> {
  readonly #options: ReflectorOptions<T>;
  readonly #objects = new Map<string, T>();
  readonly #index = new Map<string, Map<string, T>>();
  readonly #synced: Promise<void>;
  #isSynced = false;
  #resolveSynced: () => void = () => {};
  #version: string | undefined;
  /** Whether the last watch brought anything before it ended. */
  #hasHeard = false;

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
    this.#synced = new Promise((resolve) => {
      this.#resolveSynced = resolve;
    });
  }

  /** Resolves after the first complete list. */
  get synced(): Promise<void> {
    return this.#synced;
  }

  get hasSynced(): boolean {
    return this.#isSynced;
  }

  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  list(): T[] {
    return [...this.#objects.values()];
  }

  /** The objects for which `indexBy` gives this value. */
  ofIndex(value: string): T[] {
    return [...(this.#index.get(value)?.values() ?? [])];
  }

  /** Works until the signal is aborted. Never throws. */
  async run(): Promise<void> {
    const { signal, onError } = this.#options;
    for (let failures = 0; !signal.aborted; ) {
      try {
        if (this.#version === undefined) await this.#list();
        const since = performance.now();
        this.#hasHeard = false;
        await this.#watch();
        failures = 0;
        // A server that ends every watch at once is not asked again and again without a pause.
        if (performance.now() - since < SHORT_WATCH) await sleep(BACKOFF.first, undefined, { signal });
      } catch (error) {
        if (signal.aborted) return;
        if (isStatus(error, 410)) this.#version = undefined;
        else onError(error);
        failures = this.#hasHeard ? 1 : failures + 1;
        const asked = error instanceof ApiError ? (error.retryAfter ?? 0) * 1000 : 0;
        const delay = Math.max(asked, backoffDelay(BACKOFF, failures) * (0.75 + Math.random() / 2));
        await sleep(delay, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  async #list(): Promise<void> {
    const { client, resource, namespace, labelSelector, signal } = this.#options;
    const fresh = new Map<string, T>();
    let token: string | undefined;
    let version: string | undefined;
    do {
      const query = { limit: PAGE, labelSelector, continue: token };
      const page: KubeList<T> = await client.send('GET', collectionPath(resource, namespace), { query, signal });
      for (const item of page.items) fresh.set(keyOf(item), item);
      token = page.metadata.continue === '' ? undefined : page.metadata.continue;
      version = page.metadata.resourceVersion;
    } while (token !== undefined);
    for (const [key, object] of this.#objects) if (!fresh.has(key)) this.#remove(key, object);
    for (const object of fresh.values()) this.#put(object);
    // Only now: an error in the middle must lead to another list.
    this.#version = version;
    this.#isSynced = true;
    this.#resolveSynced();
  }

  async #watch(): Promise<void> {
    const { client, resource, namespace, labelSelector, signal } = this.#options;
    const query = {
      watch: true,
      allowWatchBookmarks: true,
      resourceVersion: this.#version,
      timeoutSeconds: WATCH_SECONDS,
      labelSelector,
    };
    for await (const line of client.lines(collectionPath(resource, namespace), { query, signal, idle: IDLE }))
      this.#take(JSON.parse(line) as WatchEvent<T>);
  }

  #take({ type, object }: WatchEvent<T>): void {
    if (type === 'ERROR') throw new ApiError(object.code ?? 500, object.message ?? 'the watch ended with an error');
    if (type === 'DELETED') this.#remove(keyOf(object), object);
    else if (type !== 'BOOKMARK') this.#put(object);
    this.#version = object.metadata.resourceVersion;
    this.#hasHeard = true;
  }

  #put(object: T): void {
    const key = keyOf(object);
    const before = this.#objects.get(key);
    if (before?.metadata.resourceVersion === object.metadata.resourceVersion) return;
    if (before !== undefined) this.#unindex(key, before);
    const kept = this.#options.keep(object);
    this.#objects.set(key, kept);
    const value = this.#options.indexBy?.(kept);
    if (value !== undefined) this.#index.set(value, (this.#index.get(value) ?? new Map<string, T>()).set(key, kept));
    this.#options.onChange(object);
  }

  #remove(key: string, object: T): void {
    const before = this.#objects.get(key);
    if (before !== undefined) this.#unindex(key, before);
    this.#objects.delete(key);
    this.#options.onChange(object);
  }

  #unindex(key: string, object: T): void {
    const value = this.#options.indexBy?.(object);
    const together = value === undefined ? undefined : this.#index.get(value);
    together?.delete(key);
    if (value !== undefined && together?.size === 0) this.#index.delete(value);
  }
}
