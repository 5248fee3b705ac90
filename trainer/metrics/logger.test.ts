import { closeSync, mkdtempSync, openSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { createLogger, type LogOptions } from './logger.ts';

let directory: string;
let stream: string;

/** A logger whose error stream is a file; returns what a run of `body` put there. */
function logged(options: Partial<LogOptions>, body: (logger: ReturnType<typeof createLogger>) => void): string {
  const descriptor = openSync(stream, 'a');
  const logger = createLogger({
    level: 'info',
    format: 'text',
    file: undefined,
    fields: { stage: 'train-cft' },
    color: false,
    now: () => new Date(2026, 0, 2, 3, 4, 5),
    ...options,
    descriptor,
  });
  body(logger);
  const text = readFileSync(stream, 'utf8');
  logger.close();
  closeSync(descriptor);
  return text;
}

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'cft-log-'));
  stream = join(directory, 'stderr');
});

test('a line for people: time, level, sentence, values', () => {
  const text = logged({}, (logger) => {
    logger.info('step done', { loss: 0.5, path: 'a/b', counts: [1, 2] });
    logger.warn('no critical token in this batch');
    logger.debug('not asked for');
  });
  expect(text).toBe(
    '03:04:05 info  step done loss=0.5 path=a/b counts=[1,2]\n03:04:05 warn  no critical token in this batch\n',
  );
});

test('a line for machines is one JSON object, whatever the message holds', () => {
  const text = logged({ format: 'json' }, (logger) => logger.error('broken\n"line"', { at: 3 }));
  expect(text.trimEnd()).not.toContain('\n');
  expect(JSON.parse(text)).toEqual({
    time: new Date(2026, 0, 2, 3, 4, 5).toISOString(),
    level: 'error',
    message: 'broken\n"line"',
    stage: 'train-cft',
    at: 3,
  });
});

test('the file gets every line from info up, is appended to, and is whole before the call returns', () => {
  const file = join(directory, 'stages', 'x', 'log.jsonl');
  const messages = () =>
    readFileSync(file, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).message);
  const seen: unknown[] = [];
  const text = logged({ format: 'none', file }, (logger) => {
    for (let i = 0; i < 100; i++) logger.info(`step ${i}`);
    logger.debug('detail');
    seen.push(...messages());
  });
  expect(text).toBe('');
  expect(seen).toEqual(Array.from({ length: 100 }, (_, i) => `step ${i}`));
  logged({ level: 'error', file }, (logger) => logger.info('after a restart'));
  expect(messages().at(-1)).toBe('after a restart');
  expect(messages()).toHaveLength(101);
});
