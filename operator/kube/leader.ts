import type { Clock } from '../queue/clock.ts';
import { isAlreadyExists, isConflict, isStatus } from './api-error.ts';
import type { KubeClient } from './client.ts';
import { microTime } from './events.ts';
import type { KubeObject } from './objects.ts';
import { collectionPath, LEASES } from './resources.ts';

/** coordination.k8s.io/v1 Lease. */
export interface Lease extends KubeObject {
  readonly spec?: {
    readonly holderIdentity?: string;
    readonly leaseDurationSeconds?: number;
    readonly acquireTime?: string;
    readonly renewTime?: string;
    readonly leaseTransitions?: number;
  };
}

/** In seconds. */
export interface LeaseTimes {
  /** Others may take the lease when it was not renewed for so long. */
  readonly lease: number;
  /** The leader gives up when it could not renew for so long. */
  readonly renew: number;
  /** Between two tries. */
  readonly retry: number;
}

/** Times for a lease of so many seconds, in client-go's proportions: 15, 10, 2. */
export function leaseTimes(seconds = 15): LeaseTimes {
  return { lease: seconds, renew: (seconds * 2) / 3, retry: (seconds * 2) / 15 };
}

export interface ElectionOptions {
  readonly client: Pick<KubeClient, 'get' | 'create' | 'replace'>;
  readonly namespace: string;
  readonly name: string;
  /** Unique among the candidates. */
  readonly identity: string;
  readonly clock: Clock;
  readonly times: LeaseTimes;
  readonly onError: (error: unknown) => void;
  readonly signal: AbortSignal;
}

/**
 * Leader election on a Lease, as client-go does it: of all candidates at most one leads. A lease that is not renewed for its duration,
 * by the clock of the one who looks, may be taken over; so that no two clocks need to agree.
 */
export class LeaderElection {
  readonly #options: ElectionOptions;
  readonly #times: LeaseTimes;
  /** The lease as last seen, and when it was first seen so. */
  #seen: { readonly version: string | undefined; readonly at: number } | undefined;
  #lease: Lease | undefined;
  #leads = false;
  /** When the last successful try began. */
  #renewed = 0;

  constructor(options: ElectionOptions) {
    this.#options = options;
    this.#times = options.times;
  }

  get leads(): boolean {
    return this.#leads;
  }

  /**
   * Whether what this process writes now arrives before anyone else leads: it leads, and its last renewal is recent. False at once in a
   * process that was stopped for a while, before it has had time to notice.
   */
  get mayWrite(): boolean {
    return this.#leads && this.#options.clock.now() - this.#renewed < this.#times.renew * 1000;
  }

  /** Resolves when this candidate leads; rejects when the signal is aborted before. */
  async acquire(): Promise<void> {
    for (;;) {
      this.#options.signal.throwIfAborted();
      if (await this.#try()) {
        this.#leads = true;
        return;
      }
      await this.#wait(this.#times.retry);
    }
  }

  /** Renews the lease until the signal is aborted, which gives it back, or until it can't be renewed in time. @returns whether it was lost */
  async hold(): Promise<'released' | 'lost'> {
    const { clock, signal } = this.#options;
    while (!signal.aborted) {
      await this.#wait(this.#times.retry).catch(() => undefined);
      if (signal.aborted) break;
      if (await this.#try()) continue;
      if (this.#isOthers() || clock.now() - this.#renewed >= this.#times.renew * 1000) {
        this.#leads = false;
        return 'lost';
      }
    }
    return 'released';
  }

  /** Gives the lease back, so that the next leader need not wait for its end. Call it when all work has ended. */
  async release(): Promise<void> {
    if (!this.#leads || this.#lease === undefined) return;
    this.#leads = false;
    const { client, onError } = this.#options;
    const spec = { ...this.#lease.spec, holderIdentity: '', leaseDurationSeconds: 1, renewTime: this.#time() };
    await client.replace(LEASES, { ...this.#lease, spec } as Lease).catch(onError);
  }

  #isOthers(): boolean {
    return this.#lease?.spec?.holderIdentity !== this.#options.identity;
  }

  /** Takes or renews the lease. False: another one holds it, or the API server could not be asked. */
  async #try(): Promise<boolean> {
    const { client, namespace, name, identity, clock, onError } = this.#options;
    const began = clock.now();
    try {
      const lease = await this.#read();
      if (lease === undefined) {
        this.#lease = await client.create<Lease>(collectionPath(LEASES, namespace), {
          apiVersion: 'coordination.k8s.io/v1',
          kind: 'Lease',
          metadata: { name, namespace },
          spec: this.#claim(undefined),
        });
        this.#renewed = began;
        return true;
      }
      this.#notice(lease);
      const { holderIdentity = '', leaseDurationSeconds = this.#times.lease } = lease.spec ?? {};
      const expired = clock.now() - (this.#seen?.at ?? 0) > leaseDurationSeconds * 1000;
      if (holderIdentity !== '' && holderIdentity !== identity && !expired) return false;
      this.#lease = await client.replace<Lease>(LEASES, { ...lease, spec: this.#claim(lease) } as Lease);
      this.#notice(this.#lease);
      this.#renewed = began;
      return true;
    } catch (error) {
      if (!isConflict(error) && !isAlreadyExists(error)) onError(error);
      return false;
    }
  }

  async #read(): Promise<Lease | undefined> {
    const { client, namespace, name } = this.#options;
    try {
      return await client.get<Lease>(LEASES, namespace, name);
    } catch (error) {
      if (isStatus(error, 404)) return undefined;
      throw error;
    }
  }

  #notice(lease: Lease): void {
    this.#lease = lease;
    const version = lease.metadata.resourceVersion;
    if (this.#seen?.version !== version) this.#seen = { version, at: this.#options.clock.now() };
  }

  #claim(lease: Lease | undefined): NonNullable<Lease['spec']> {
    const now = this.#time();
    const { identity } = this.#options;
    const mine = lease?.spec?.holderIdentity === identity;
    const transitions = lease?.spec?.leaseTransitions ?? 0;
    return {
      holderIdentity: identity,
      leaseDurationSeconds: this.#times.lease,
      acquireTime: (mine ? lease?.spec?.acquireTime : undefined) ?? now,
      renewTime: now,
      leaseTransitions: lease === undefined || mine ? transitions : transitions + 1,
    };
  }

  #time(): string {
    return microTime(new Date(this.#options.clock.now()));
  }

  #wait(seconds: number): Promise<void> {
    const { clock, signal } = this.#options;
    return new Promise((resolve, reject) => {
      const stop = () => {
        cancel();
        reject(signal.reason);
      };
      const cancel = clock.after(seconds * 1000, () => {
        signal.removeEventListener('abort', stop);
        resolve();
      });
      if (signal.aborted) stop();
      else signal.addEventListener('abort', stop, { once: true });
    });
  }
}
