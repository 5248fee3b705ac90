import { describe, expect, test } from 'vitest';
import { ManualClock } from '../queue/manual-clock.ts';
import { ApiError } from './api-error.ts';
import { LeaderElection, type Lease, leaseTimes } from './leader.ts';
import type { Resource } from './resources.ts';

/** A lease as the API server keeps it: a write with an outdated version is refused. */
class LeaseStore {
  lease: Lease | undefined;
  writes = 0;
  #version = 0;
  /** What the server answers instead, while it is set. */
  failure: Error | undefined;

  async get<T>(): Promise<T> {
    this.#check();
    if (this.lease === undefined) throw new ApiError(404, 'not found');
    return structuredClone(this.lease) as T;
  }

  async create<T>(_: string, object: object): Promise<T> {
    this.#check();
    if (this.lease !== undefined) throw new ApiError(409, 'exists', { reason: 'AlreadyExists' });
    return this.#store(object as Lease);
  }

  async replace<T>(_: Resource, object: object): Promise<T> {
    this.#check();
    if ((object as Lease).metadata.resourceVersion !== this.lease?.metadata.resourceVersion)
      throw new ApiError(409, 'conflict', { reason: 'Conflict' });
    return this.#store(object as Lease);
  }

  #check(): void {
    if (this.failure !== undefined) throw this.failure;
  }

  #store<T>(lease: Lease): T {
    this.writes++;
    this.lease = { ...lease, metadata: { ...lease.metadata, resourceVersion: String(++this.#version) } };
    return structuredClone(this.lease) as T;
  }
}

function candidate(store: LeaseStore, clock: ManualClock, identity: string) {
  const stop = new AbortController();
  const errors: unknown[] = [];
  const election = new LeaderElection({
    ...{ client: store, namespace: 'n', name: 'l', identity, clock, times: leaseTimes(), signal: stop.signal },
    onError: (error) => errors.push(error),
  });
  const state = { won: false, end: undefined as string | undefined };
  const run = async () => {
    await election.acquire();
    state.won = true;
    state.end = await election.hold();
  };
  void run().catch(() => {
    state.end = 'stopped';
  });
  return { election, state, errors, stop };
}

/** Lets so many seconds pass, and whoever waited for them go on. */
async function pass(clock: ManualClock, seconds: number): Promise<void> {
  for (let passed = 0; passed < seconds; passed += 0.5) {
    clock.advance(500);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function world() {
  return { store: new LeaseStore(), clock: new ManualClock(1_700_000_000_000) };
}

describe('leader election', () => {
  test('the first takes the lease and keeps it; the others wait', async () => {
    const { store, clock } = world();
    const a = candidate(store, clock, 'a');
    await pass(clock, 1);
    const b = candidate(store, clock, 'b');
    await pass(clock, 120);
    expect([a.state.won, b.state.won, a.election.mayWrite, b.election.mayWrite]).toEqual([true, false, true, false]);
    expect(store.lease?.spec).toMatchObject({ holderIdentity: 'a', leaseDurationSeconds: 15, leaseTransitions: 0 });
    expect(store.lease?.spec?.renewTime).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
  });

  test('a lease that is not renewed for its duration passes on, and not before', async () => {
    const { store, clock } = world();
    store.lease = {
      metadata: { name: 'l', resourceVersion: 'old' },
      spec: { holderIdentity: 'dead', leaseDurationSeconds: 15, leaseTransitions: 4 },
    };
    const a = candidate(store, clock, 'a');
    await pass(clock, 14);
    expect(a.state.won).toBe(false);
    await pass(clock, 4);
    expect(a.state.won).toBe(true);
    expect(store.lease.spec).toMatchObject({ holderIdentity: 'a', leaseTransitions: 5 });
  });

  test("the holder's clock does not count, only how long the lease has looked the same", async () => {
    const { store, clock } = world();
    const renewTime = '2001-01-01T00:00:00.000000Z';
    store.lease = { metadata: { name: 'l', resourceVersion: '0' }, spec: { holderIdentity: 'b', renewTime } };
    const a = candidate(store, clock, 'a');
    for (let renewal = 1; renewal < 10; renewal++) {
      await pass(clock, 10);
      store.lease = { ...store.lease, metadata: { name: 'l', resourceVersion: `renewed ${renewal}` } };
    }
    expect(a.state.won).toBe(false);
  });

  test('given back, the lease passes on at once', async () => {
    const { store, clock } = world();
    const a = candidate(store, clock, 'a');
    await pass(clock, 1);
    const b = candidate(store, clock, 'b');
    await pass(clock, 1);
    a.stop.abort();
    await pass(clock, 1);
    expect(a.state.end).toBe('released');
    await a.election.release();
    await pass(clock, 3);
    expect(b.state.won).toBe(true);
  });

  test('a leader that cannot renew stops to write before anyone else may lead', async () => {
    const { store, clock } = world();
    const a = candidate(store, clock, 'a');
    await pass(clock, 1);
    store.failure = new Error('the API server is away');
    await pass(clock, 7);
    expect([a.election.mayWrite, a.state.end]).toEqual([true, undefined]);
    await pass(clock, 5);
    expect([a.election.mayWrite, a.state.end]).toEqual([false, 'lost']);
    expect(a.errors.length).toBeGreaterThan(3);
  });

  test('a leader that was stopped for long may not write, even before it has looked at the lease', async () => {
    const { store, clock } = world();
    const a = candidate(store, clock, 'a');
    await pass(clock, 1);
    const writes = store.writes;
    store.failure = new Error('asleep');
    clock.advance(60_000);
    expect(a.election.mayWrite).toBe(false);
    store.failure = undefined;
    store.lease = { ...store.lease, metadata: { name: 'l', resourceVersion: 'b1' }, spec: { holderIdentity: 'b' } };
    await pass(clock, 3);
    expect(a.state.end).toBe('lost');
    expect(store.writes).toBe(writes);
  });

  test('two that find no lease: one gets it', async () => {
    const { store, clock } = world();
    const both = [candidate(store, clock, 'a'), candidate(store, clock, 'b')];
    await pass(clock, 5);
    expect(both.filter(({ state }) => state.won)).toHaveLength(1);
    expect(both.flatMap(({ errors }) => errors)).toEqual([]);
  });
});
