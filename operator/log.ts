export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** A line for machines: when, how grave, a sentence, and the values that belong to it. */
export interface Log {
  debug(message: string, fields?: Readonly<Record<string, unknown>>): void;
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
  error(message: string, fields?: Readonly<Record<string, unknown>>): void;
}

const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];

/** A log of JSON lines, such as the error stream of a pod. */
export function createLog(write: (line: string) => void, level: LogLevel, now: () => Date): Log {
  const line =
    (of: LogLevel) =>
    (message: string, fields: Readonly<Record<string, unknown>> = {}) => {
      if (LEVELS.indexOf(of) < LEVELS.indexOf(level)) return;
      const values = Object.entries(fields).map(([name, value]) => [
        name,
        value instanceof Error ? value.message : value,
      ]);
      write(`${JSON.stringify({ time: now().toISOString(), level: of, message, ...Object.fromEntries(values) })}\n`);
    };
  return { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') };
}
