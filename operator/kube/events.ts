import { createHash } from 'node:crypto';
import type { CftRun } from '../../crds/cftrun.ts';
import type { RunEvent } from '../reconcile/decision.ts';
import { isAlreadyExists } from './api-error.ts';
import { FIELD_MANAGER, type KubeClient } from './client.ts';
import { collectionPath, EVENTS } from './resources.ts';

export interface RecorderOptions {
  readonly client: Pick<KubeClient, 'create'>;
  /** Name of this process among the operators. */
  readonly instance: string;
  readonly now: () => Date;
  readonly onError: (error: unknown) => void;
}

const MAX_NOTE = 1024;
/** Events remembered as told, so that they are not sent again at every look at the run. */
const REMEMBERED = 10_000;

/** Writes Kubernetes events. The name of an event is a function of what happened: told twice, also by two processes, it is there once. */
export class EventRecorder {
  readonly #options: RecorderOptions;
  readonly #told = new Set<string>();

  constructor(options: RecorderOptions) {
    this.#options = options;
  }

  /** An event that can't be written is reported to `onError` and left out: what it tells is in the status too. */
  async record(run: CftRun, event: RunEvent): Promise<void> {
    const { client, instance, now, onError } = this.#options;
    const { namespace = 'default', name, uid = '' } = run.metadata;
    const hash = createHash('sha256')
      .update(JSON.stringify([uid, event.reason, event.about]))
      .digest('hex')
      .slice(0, 16);
    const eventName = `${name}.${hash}`;
    if (this.#told.has(eventName)) return;
    try {
      await client.create(collectionPath(EVENTS, namespace), {
        apiVersion: 'events.k8s.io/v1',
        kind: 'Event',
        metadata: { name: eventName, namespace },
        eventTime: microTime(now()),
        reportingController: FIELD_MANAGER,
        reportingInstance: instance,
        regarding: { apiVersion: run.apiVersion, kind: run.kind, namespace, name, uid },
        type: event.type,
        reason: event.reason,
        action: event.reason,
        note: event.message.slice(0, MAX_NOTE),
      });
    } catch (error) {
      if (!isAlreadyExists(error)) {
        onError(error);
        return;
      }
    }
    this.#told.add(eventName);
    if (this.#told.size > REMEMBERED) this.#told.delete(this.#told.values().next().value ?? '');
  }
}

/** A time as metav1.MicroTime has it. */
export function microTime(time: Date): string {
  return time.toISOString().replace('Z', '000Z');
}
