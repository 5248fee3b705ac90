import { CftError } from '../../crds/errors.ts';
import type { ProgressUpdate } from '../metrics/progress.ts';
import type { Logger, StageContext } from './context.ts';

/** A context that keeps what the stage said, instead of serving and printing it. */
export interface MemoryContext extends StageContext {
  readonly lines: { level: keyof Logger; message: string; fields: Readonly<Record<string, unknown>> | undefined }[];
  readonly warnings: { reason: string; message: string }[];
  readonly updates: ProgressUpdate[];
  /** Last value of a gauge, sum of a counter or histogram, by `name{label="value",...}`. */
  readonly values: Map<string, number>;
}

/**
 * A stage's context for use as a library and in tests: no server, no output.
 *
 * @example
 * const context = memoryContext();
 * await train(stage, context);
 * context.values.get('cft_train_tokens_total{tokens="weighted"}');
 */
export function memoryContext(
  options: { signal?: AbortSignal; stageDir?: string; now?: () => Date } = {},
): MemoryContext {
  const lines: MemoryContext['lines'] = [];
  const warnings: MemoryContext['warnings'] = [];
  const updates: ProgressUpdate[] = [];
  const values = new Map<string, number>();
  const signal = options.signal ?? new AbortController().signal;
  const say = (level: keyof Logger) => (message: string, fields?: Readonly<Record<string, unknown>>) => {
    lines.push({ level, message, fields });
  };
  const add = (name: string, labels: Readonly<Record<string, string>>, by: number) => {
    const key = seriesKey(name, labels);
    values.set(key, (values.get(key) ?? 0) + by);
  };
  return {
    lines,
    warnings,
    updates,
    values,
    signal,
    stageDir: options.stageDir,
    logger: { debug: say('debug'), info: say('info'), warn: say('warn'), error: say('error') },
    metrics: {
      set: (name, labels, value) => values.set(seriesKey(name, labels), value),
      inc: (name, labels, by = 1) => add(name, labels, by),
      observe: (name, labels, value) => add(name, labels, value),
    },
    progress: { update: (update) => updates.push(update) },
    now: options.now ?? (() => new Date()),
    warn: (reason, message) => warnings.push({ reason, message }),
    cancellationPoint: () => cancellationPoint(signal),
  };
}

/** One turn of the event loop, then CftError `Interrupted` if the signal was aborted. */
export async function cancellationPoint(signal: AbortSignal): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  if (signal.aborted)
    throw new CftError('Interrupted', 'stopped before the end; what was finished is kept', {
      hint: 'start it again to go on',
    });
}

function seriesKey(name: string, labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  return pairs.length === 0 ? name : `${name}{${pairs.join(',')}}`;
}
