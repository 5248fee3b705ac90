import type { Stage, StageResult } from '../../crds/stage.ts';
import type { StageOutcome } from './context.ts';

/** The most that a pod's termination message may hold, in bytes of UTF-8. */
export const MAX_RESULT_BYTES = 4096;

/** When a stage began and ended. */
export interface StageTimes {
  readonly startTime: Date;
  readonly completionTime: Date;
}

/** The result of a stage that did its work. Warnings become its message, one a line; numbers that are not finite are left out. */
export function succeeded(
  stage: Stage,
  outcome: StageOutcome,
  warnings: readonly { message: string }[],
  times: StageTimes,
): StageResult {
  const message = [...new Set(warnings.map((warning) => warning.message))].join('\n');
  return fitResult({
    ...head(stage, times),
    status: 'succeeded',
    metrics: Object.fromEntries(Object.entries(outcome.metrics).filter(([, value]) => Number.isFinite(value))),
    artifacts: outcome.artifacts,
    ...(message === '' ? {} : { message }),
  });
}

/** The result of a stage that an error ended. */
export function failed(stage: Stage, message: string, times: StageTimes): StageResult {
  return fitResult({ ...head(stage, times), status: 'failed', metrics: {}, artifacts: {}, message });
}

/**
 * The result cut to what a termination message can hold: first the message is shortened, then the last of the artifacts go, then
 * the last of the metrics. Stages list what matters most first.
 */
export function fitResult(result: StageResult): StageResult {
  const room = MAX_RESULT_BYTES - bytes({ ...result, message: '' });
  const message = result.message === undefined ? {} : { message: shorten(result.message, Math.max(room, 200)) };
  let fitted: StageResult = { ...result, ...message };
  while (bytes(fitted) > MAX_RESULT_BYTES && Object.keys(fitted.artifacts).length > 0) {
    fitted = { ...fitted, artifacts: withoutLast(fitted.artifacts) };
  }
  while (bytes(fitted) > MAX_RESULT_BYTES && Object.keys(fitted.metrics).length > 0) {
    fitted = { ...fitted, metrics: withoutLast(fitted.metrics) };
  }
  return fitted;
}

function head({ name, kind, digest }: Stage, { startTime, completionTime }: StageTimes) {
  return {
    stage: name,
    kind,
    digest,
    startTime: startTime.toISOString(),
    completionTime: completionTime.toISOString(),
  };
}

function bytes(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value));
}

/** The text cut at a character, with an ellipsis, to at most `room` bytes as JSON. */
function shorten(text: string, room: number): string {
  const size = (part: string) => bytes(part) - 2;
  if (size(text) <= room) return text;
  const characters = [...text];
  let [kept, over] = [0, characters.length];
  while (over - kept > 1) {
    const middle = (kept + over) >> 1;
    if (size(`${characters.slice(0, middle).join('')}...`) <= room) kept = middle;
    else over = middle;
  }
  return `${characters.slice(0, kept).join('')}...`;
}

function withoutLast<T>(record: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(record).slice(0, -1));
}
