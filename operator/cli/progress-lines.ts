import type { Stage, StageResult } from '../../crds/stage.ts';
import { formatDuration } from '../duration.ts';
import type { RunObserver } from '../executors/local.ts';

/** Shows a run as it happens. */
export interface RunView extends RunObserver {
  /** A line about the run as a whole. */
  note(line: string): void;
  close(): void;
}

/** At least so long between two lines on the progress of one stage. */
const PROGRESS_MILLISECONDS = 10_000;

/**
 * A run as lines, for where there is no terminal.
 *
 * @param now milliseconds
 */
export function progressLines(write: (line: string) => void, now: () => number): RunView {
  const told = new Map<string, number>();
  const say = (stage: Stage, text: string) => write(`${stage.name}: ${text}\n`);
  return {
    note: (line) => write(`${line}\n`),
    skipped: (stage) => say(stage, 'done before'),
    started: (stage, attempt) => {
      told.set(stage.name, now());
      say(stage, attempt === 1 ? 'started' : `started again (attempt ${attempt})`);
    },
    endpoint: (stage, url) => say(stage, `metrics at ${url}/metrics`),
    progress: (stage, { phase, done, total, ratio, etaSeconds }) => {
      if (total === 0 || now() - (told.get(stage.name) ?? 0) < PROGRESS_MILLISECONDS) return;
      told.set(stage.name, now());
      const left = etaSeconds === null ? '' : `, ${formatDuration(etaSeconds)} left`;
      say(stage, `${phase} ${done}/${total} (${Math.floor(100 * ratio)} %)${left}`);
    },
    succeeded: (stage, result) => say(stage, `done in ${formatDuration(secondsOf(result))}`),
    failed: (stage, message, retrySeconds) => {
      const next = retrySeconds === undefined ? '' : `; next attempt in ${formatDuration(retrySeconds)}`;
      say(stage, `failed${next}\n  ${message.replaceAll('\n', '\n  ')}`);
    },
    close: () => {},
  };
}

/** How long a stage took. */
export function secondsOf({ startTime, completionTime }: StageResult): number {
  return (Date.parse(completionTime) - Date.parse(startTime)) / 1000;
}
