import type { Pod } from '../kube/objects.ts';
import type { Clock } from '../queue/clock.ts';
import { trainerState } from '../reconcile/pod-result.ts';
import type { LiveProgress } from './ask.ts';

export interface ProgressWatchOptions {
  /** All pods of runs, as they are in the cache. */
  readonly pods: () => readonly Pod[];
  /** The run that a pod belongs to. */
  readonly runOf: (pod: Pod) => string;
  readonly ask: (pod: Pod, stop: AbortSignal) => Promise<LiveProgress | undefined>;
  /** Told of a run whose progress is worth a new status. */
  readonly onChange: (run: string) => void;
  readonly clock: Clock;
  /** Seconds between the end of one round and the next. */
  readonly interval: number;
  readonly signal: AbortSignal;
}

/** Pods asked at the same time. */
const AT_ONCE = 16;
/** Change of a run's mean progress that is worth a write: about a hundred writes for a run's stage, however long it takes. */
const STEP = 0.01;

type ByPod = ReadonlyMap<string, LiveProgress>;

/**
 * Asks the running pods in rounds how far they are. What it tells of a run changes only when the run has come a step further, so that
 * live progress costs few writes.
 */
export class ProgressWatch {
  readonly #options: ProgressWatchOptions;
  readonly #told = new Map<string, ByPod>();

  constructor(options: ProgressWatchOptions) {
    this.#options = options;
  }

  /** Progress of a run's pods, by uid of the pod. */
  of(run: string): ByPod {
    return this.#told.get(run) ?? NONE;
  }

  /** Works until the signal is aborted. Never throws. */
  async run(): Promise<void> {
    const { clock, interval, signal } = this.#options;
    while (!signal.aborted) {
      await this.round();
      await new Promise<void>((resolve) => {
        const cancel = clock.after(interval * 1000, resolve);
        const stop = () => {
          cancel();
          resolve();
        };
        if (signal.aborted) stop();
        else signal.addEventListener('abort', stop, { once: true });
      });
    }
  }

  /** Asks every running pod once. */
  async round(): Promise<void> {
    const { pods, runOf, ask, onChange, signal } = this.#options;
    const running = pods().filter((pod) => trainerState(pod).running !== undefined);
    const answers = new Map<Pod, LiveProgress>();
    const waiting = running.values();
    const worker = async () => {
      for (const pod of waiting) {
        const answer = signal.aborted ? undefined : await ask(pod, signal);
        if (answer !== undefined) answers.set(pod, answer);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    const runs = Map.groupBy(running, runOf);
    for (const run of this.#told.keys()) if (!runs.has(run)) this.#told.delete(run);
    for (const [run, members] of runs) {
      const before = this.of(run);
      const now: ByPod = new Map(
        members.flatMap((pod) => {
          const uid = pod.metadata.uid ?? '';
          const progress = answers.get(pod) ?? before.get(uid);
          return progress === undefined ? [] : [[uid, progress] as const];
        }),
      );
      if (!isWorthTelling(before, now)) continue;
      this.#told.set(run, now);
      onChange(run);
    }
  }
}

const NONE: ByPod = new Map();

/** A pod's first word, its first estimate of the time left, or a step of the whole. */
function isWorthTelling(before: ByPod, now: ByPod): boolean {
  for (const [uid, { etaSeconds }] of now) {
    const old = before.get(uid);
    if (old === undefined || (old.etaSeconds === undefined && etaSeconds !== undefined)) return true;
  }
  return now.size > 0 && Math.abs(mean(now) - mean(before)) >= STEP;
}

function mean(progress: ByPod): number {
  let sum = 0;
  for (const { ratio } of progress.values()) sum += ratio;
  return sum / Math.max(1, progress.size);
}
