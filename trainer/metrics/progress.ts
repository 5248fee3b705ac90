/** How far a phase of a stage has come, as the code that does the work knows it. */
export interface ProgressUpdate {
  /** What is being done, e.g. `annotate`. A new phase starts a new estimate of the time left. */
  readonly phase: string;
  readonly done: number;
  readonly total: number;
}

export interface Progress {
  update(update: ProgressUpdate): void;
}

/** Progress as it is served at `/progress` and shown as a bar. Times are ISO 8601. */
export interface ProgressReport extends ProgressUpdate {
  readonly stage: string;
  /** done / total, from 0 to 1; 0 while the total is not known (0). */
  readonly ratio: number;
  /** Estimated seconds to the end of the phase; null until there is a rate to go by. */
  readonly etaSeconds: number | null;
  readonly startedAt: string;
  readonly updatedAt: string;
}

/** A report with what is needed to estimate from the next update. */
export interface ProgressState {
  readonly report: ProgressReport;
  /** Items done in this process and the seconds they took, both fading with age; their quotient is the rate. */
  readonly recent: { readonly items: number; readonly seconds: number };
  /** Milliseconds since the epoch of the last update. */
  readonly at: number;
}

/** Seconds after which what was measured counts for 1/e of what it did. */
const MEMORY_SECONDS = 60;

/** The state before the first update. */
export function startProgress(stage: string, now: Date): ProgressState {
  const at = now.toISOString();
  return {
    report: { stage, phase: 'starting', done: 0, total: 0, ratio: 0, etaSeconds: null, startedAt: at, updatedAt: at },
    recent: { items: 0, seconds: 0 },
    at: now.getTime(),
  };
}

/**
 * The state after an update. The time left follows an exponentially weighted rate (memory of a minute). The first update of a phase
 * only sets its origin: work that was found already done counts in the ratio, never in the rate.
 */
export function advanceProgress(state: ProgressState, update: ProgressUpdate, now: Date): ProgressState {
  const at = now.getTime();
  const before = state.report;
  const fresh = update.phase !== before.phase || update.done < before.done;
  const recent = fresh
    ? { items: 0, seconds: 0 }
    : fade(state.recent, update.done - before.done, (at - state.at) / 1000);
  return {
    report: {
      stage: before.stage,
      phase: update.phase,
      done: update.done,
      total: update.total,
      ratio: update.total > 0 ? Math.min(1, update.done / update.total) : 0,
      etaSeconds: secondsLeft(update, recent),
      startedAt: before.startedAt,
      updatedAt: now.toISOString(),
    },
    recent,
    at,
  };
}

function fade(recent: ProgressState['recent'], items: number, elapsed: number): ProgressState['recent'] {
  const seconds = Math.max(0, elapsed);
  const keep = Math.exp(-seconds / MEMORY_SECONDS);
  return { items: recent.items * keep + items, seconds: recent.seconds * keep + seconds };
}

function secondsLeft({ done, total }: ProgressUpdate, { items, seconds }: ProgressState['recent']): number | null {
  if (total > 0 && done >= total) return 0;
  return total > 0 && items > 0 && seconds > 0 ? ((total - done) * seconds) / items : null;
}
