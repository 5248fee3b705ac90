import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { createLogger as createWinston, format, type Logform, type Logger as Winston } from 'winston';
import Transport from 'winston-transport';

import { diskError } from '../../crds/files.ts';
import type { Logger } from '../stages/context.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** How log lines look on the error stream: JSON for machines, text for people, none where only the file is wanted. */
export type LogFormat = 'json' | 'text' | 'none';

export interface LogOptions {
  readonly level: LogLevel;
  readonly format: LogFormat;
  /** File descriptor of the error stream: standard output stays free for data. */
  readonly descriptor: number;
  /** Gets every line from `info` up as JSON, whatever the level and format of the stream. Appended to. */
  readonly file: string | undefined;
  /** Values that every JSON line carries, e.g. the stage's name. */
  readonly fields: Readonly<Record<string, string>>;
  /** Colours for text. */
  readonly color: boolean;
  readonly now: () => Date;
}

/** A logger whose lines are on disk when a call returns: a kill right after it loses nothing. */
export interface FileLogger extends Logger {
  close(): void;
}

/**
 * Starts logging to the error stream and, if asked, to a file of JSON lines `{"time","level","message",...}`.
 *
 * @throws CftError DiskFull; any other error in opening the file as Node gives it
 */
export function createLogger(options: LogOptions): FileLogger {
  const file = options.file === undefined ? undefined : openLog(options.file);
  const json = jsonLines(options);
  const transports = [
    ...(file === undefined ? [] : [new DescriptorTransport(file, json, 'info')]),
    ...(options.format === 'none'
      ? []
      : [
          new DescriptorTransport(
            options.descriptor,
            options.format === 'json' ? json : textLines(options),
            options.level,
          ),
        ]),
  ];
  const winston = createWinston({ level: 'debug', transports, silent: transports.length === 0 });
  return {
    ...leveled(winston),
    close: () => {
      winston.close();
      if (file !== undefined) closeSync(file);
    },
  };
}

/** Writes at once and in order, without a queue: what is logged while the event loop is blocked, or just before a kill, is there. */
class DescriptorTransport extends Transport {
  readonly #descriptor: number;

  constructor(descriptor: number, lineFormat: Logform.Format, level: LogLevel) {
    super({ level, format: lineFormat });
    this.#descriptor = descriptor;
  }

  override log(info: Record<symbol, unknown>, next: () => void): void {
    writeWhole(this.#descriptor, `${String(info[Symbol.for('message')])}\n`);
    next();
  }
}

/** A log that cannot be written (a closed pipe, a full disk) must not stop the work that it tells of. */
function writeWhole(descriptor: number, line: string): void {
  const bytes = Buffer.from(line, 'utf8');
  let written = 0;
  for (let attempts = 0; written < bytes.length && attempts < 100; attempts++) {
    try {
      written += writeSync(descriptor, bytes, written);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return;
    }
  }
}

function openLog(path: string): number {
  try {
    mkdirSync(dirname(path), { recursive: true });
    return openSync(path, 'a');
  } catch (error) {
    throw diskError(error, path);
  }
}

function leveled(winston: Winston): Logger {
  const at = (level: LogLevel) => (message: string, fields?: Readonly<Record<string, unknown>>) => {
    winston.log({ ...fields, level, message });
  };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

function jsonLines({ fields, now }: LogOptions) {
  return format.printf(({ level, message, ...rest }) =>
    JSON.stringify({ time: now().toISOString(), level, message, ...fields, ...rest }),
  );
}

const COLORS: Readonly<Record<string, string>> = {
  debug: '\u001b[2m',
  info: '',
  warn: '\u001b[33m',
  error: '\u001b[31m',
};

function textLines({ now, color }: LogOptions) {
  return format.combine(
    withoutStack(),
    format.printf(({ level, message, ...rest }) => {
      const values = Object.entries(rest).map(
        ([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
      );
      const time = now().toTimeString().slice(0, 8);
      const line = [time, level.padEnd(5), String(message), ...values].join(' ');
      const paint = color ? (COLORS[level] ?? '') : '';
      return paint === '' ? line : `${paint}${line}\u001b[0m`;
    }),
  );
}

/** Lines with a stack are for the file and for machines: the command prints the error that ends it, made for people. */
const withoutStack = format((info) => (info.stack === undefined ? info : false));
