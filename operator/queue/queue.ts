import { type Backoff, backoffDelay } from './backoff.ts';
import type { Clock } from './clock.ts';

/** Hears what happens in a queue, for metrics. Times in milliseconds. */
export interface QueueObserver {
  added(depth: number): void;
  taken(depth: number, waited: number): void;
  done(worked: number): void;
  retried(): void;
}

export interface QueueOptions {
  readonly clock: Clock;
  readonly backoff: Backoff;
  readonly observer?: QueueObserver;
}

/**
 * A queue of keys with the semantics of client-go's rate limiting work queue: a key waits in it at most once; no key is handed out twice
 * at the same time; one that is added while it is being worked on is handed out again afterwards.
 *
 * @example for (let key = await queue.get(); key !== undefined; key = await queue.get()) { await work(key); queue.done(key); }
 */
export class WorkQueue {
  readonly #clock: Clock;
  readonly #backoff: Backoff;
  readonly #observer: QueueObserver | undefined;
  /** Keys that wait, in order, with the time at which they were added. */
  readonly #waiting = new Map<string, number>();
  /** Keys being worked on, with the time at which that began. */
  readonly #processing = new Map<string, number>();
  /** Keys added while being worked on. */
  readonly #again = new Map<string, number>();
  readonly #delayed = new Map<string, { readonly at: number; readonly cancel: () => void }>();
  readonly #failures = new Map<string, number>();
  readonly #takers: ((key: string | undefined) => void)[] = [];
  readonly #drainers: (() => void)[] = [];
  #closed = false;

  constructor({ clock, backoff, observer }: QueueOptions) {
    this.#clock = clock;
    this.#backoff = backoff;
    this.#observer = observer;
  }

  /** Keys that wait to be taken. */
  get depth(): number {
    return this.#waiting.size;
  }

  /** Makes sure that the key is worked on after this moment. */
  add(key: string): void {
    if (this.#closed || this.#waiting.has(key) || this.#again.has(key)) return;
    if (this.#processing.has(key)) this.#again.set(key, this.#clock.now());
    else this.#enqueue(key, this.#clock.now());
  }

  /** {@link add} after so many seconds. Of several delays of one key the earliest end counts. */
  addAfter(key: string, seconds: number): void {
    if (this.#closed) return;
    if (seconds <= 0) {
      this.add(key);
      return;
    }
    const at = this.#clock.now() + seconds * 1000;
    const earlier = this.#delayed.get(key);
    if (earlier !== undefined && earlier.at <= at) return;
    earlier?.cancel();
    const cancel = this.#clock.after(seconds * 1000, () => {
      this.#delayed.delete(key);
      this.add(key);
    });
    this.#delayed.set(key, { at, cancel });
  }

  /**
   * {@link add} after a delay that doubles with each call for the key, until {@link forget}.
   *
   * @param atLeast seconds that someone else asks to wait
   */
  addRateLimited(key: string, atLeast = 0): void {
    const failures = (this.#failures.get(key) ?? 0) + 1;
    this.#failures.set(key, failures);
    this.#observer?.retried();
    this.addAfter(key, Math.max(atLeast, backoffDelay(this.#backoff, failures) / 1000));
  }

  /** The key did well, or is gone: its next failure starts with the shortest delay. */
  forget(key: string): void {
    this.#failures.delete(key);
  }

  /** Failures of the key in a row. */
  failures(key: string): number {
    return this.#failures.get(key) ?? 0;
  }

  /** The next key, once there is one; undefined once the queue is shut down and empty. Each key taken must be given to {@link done}. */
  get(): Promise<string | undefined> {
    const next = this.#waiting.keys().next();
    if (!next.done) return Promise.resolve(this.#take(next.value));
    if (this.#closed) return Promise.resolve(undefined);
    return new Promise((resolve) => this.#takers.push(resolve));
  }

  /** The work on a key has ended, well or not. */
  done(key: string): void {
    const since = this.#processing.get(key);
    if (since === undefined) return;
    this.#processing.delete(key);
    this.#observer?.done(this.#clock.now() - since);
    const again = this.#again.get(key);
    if (again !== undefined) {
      this.#again.delete(key);
      this.#enqueue(key, again);
    }
    this.#settle();
  }

  /** Takes no more keys; those that wait are still handed out, those with a delay are dropped. @returns when all work is done */
  shutDown(): Promise<void> {
    this.#closed = true;
    for (const { cancel } of this.#delayed.values()) cancel();
    this.#delayed.clear();
    return new Promise((resolve) => {
      this.#drainers.push(resolve);
      this.#settle();
    });
  }

  #enqueue(key: string, since: number): void {
    this.#waiting.set(key, since);
    this.#observer?.added(this.#waiting.size);
    const taker = this.#takers.shift();
    if (taker !== undefined) taker(this.#take(key));
  }

  #take(key: string): string {
    const now = this.#clock.now();
    const since = this.#waiting.get(key) ?? now;
    this.#waiting.delete(key);
    this.#processing.set(key, now);
    this.#observer?.taken(this.#waiting.size, now - since);
    return key;
  }

  #settle(): void {
    if (!this.#closed || this.#waiting.size > 0) return;
    for (const taker of this.#takers.splice(0)) taker(undefined);
    if (this.#processing.size === 0) for (const drained of this.#drainers.splice(0)) drained();
  }
}
