import type { Controller } from './controller.ts';
import { ApiError } from './kube/api-error.ts';
import { NotLeadingError } from './kube/client.ts';
import type { Log } from './log.ts';
import type { OperatorMetrics, ReconcileOutcome } from './metrics/metrics.ts';
import type { Clock } from './queue/clock.ts';
import type { WorkQueue } from './queue/queue.ts';

export interface WorkerOptions {
  readonly controller: Pick<Controller, 'reconcile'>;
  readonly queue: WorkQueue;
  readonly metrics: Pick<OperatorMetrics, 'reconciled'>;
  readonly log: Log;
  readonly clock: Clock;
}

/** Pause while the lease waits to be renewed, in seconds. It is no failure of the run: its delay must not grow by it. */
const LEASE_PAUSE = 2;

/** Looks at one run after the other until the queue is shut down. Never throws. */
export async function work(options: WorkerOptions): Promise<void> {
  const { queue, metrics, clock } = options;
  for (let key = await queue.get(); key !== undefined; key = await queue.get()) {
    const since = clock.now();
    const outcome = await look(options, key);
    metrics.reconciled(outcome, (clock.now() - since) / 1000);
    queue.done(key);
  }
}

/** Looks at a run, and sees to it that it is looked at again when it must be: after an error later and later. */
async function look({ controller, queue, log }: WorkerOptions, key: string): Promise<ReconcileOutcome> {
  try {
    const { requeueAfter, conflict, refused } = await controller.reconcile(key);
    if (refused !== undefined) log.warn('the API server refuses what the run asks for', { run: key, error: refused });
    if (conflict === true || (refused !== undefined && requeueAfter === undefined)) {
      queue.addRateLimited(key);
      return 'requeue';
    }
    queue.forget(key);
    if (requeueAfter === undefined) return 'success';
    queue.addAfter(key, requeueAfter);
    return 'requeue_after';
  } catch (error) {
    if (error instanceof NotLeadingError) {
      queue.addAfter(key, LEASE_PAUSE);
      return 'requeue_after';
    }
    log.error('a run could not be looked at; trying again', { run: key, error });
    queue.addRateLimited(key, error instanceof ApiError ? error.retryAfter : undefined);
    return 'error';
  }
}
