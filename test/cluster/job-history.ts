import { LABEL, MANAGED_SELECTOR } from '../../operator/jobs/names.ts';
import type { KubeClient } from '../../operator/kube/client.ts';
import type { Job } from '../../operator/kube/objects.ts';
import { Reflector } from '../../operator/kube/reflector.ts';
import { JOBS } from '../../operator/kube/resources.ts';

/** Every Job that was ever there while it watched, those that are gone again among them. */
export class JobHistory {
  readonly #names = new Map<string, string>();
  readonly #stop = new AbortController();
  readonly #reflector: Reflector<Job>;
  readonly #watching: Promise<void>;

  constructor(client: KubeClient, namespace: string) {
    this.#reflector = new Reflector<Job>({
      ...{ client, namespace, resource: JOBS, labelSelector: MANAGED_SELECTOR, signal: this.#stop.signal },
      keep: (job) => job,
      onChange: ({ metadata }) => {
        const { [LABEL.run]: run, [LABEL.stage]: stage, [LABEL.attempt]: attempt } = metadata.labels ?? {};
        this.#names.set(metadata.uid ?? '', `${run}/${stage}/${attempt}`);
      },
      onError: () => {},
    });
    this.#watching = this.#reflector.run();
  }

  get started(): Promise<void> {
    return this.#reflector.synced;
  }

  /** `<stage>/<attempt>` of each Job that a run ever had, sorted: one that comes twice was made twice. */
  of(run: string): string[] {
    const prefix = `${run}/`;
    return [...this.#names.values()]
      .filter((name) => name.startsWith(prefix))
      .map((name) => name.slice(prefix.length))
      .sort();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#watching;
  }
}
