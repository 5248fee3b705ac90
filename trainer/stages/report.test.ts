import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import type { ReportStage } from '../../crds/stage.ts';
import type { ReportSummary } from '../report/summary.ts';
import { writeSyntheticRun } from '../report/testdata.ts';
import { memoryContext } from './memory-context.ts';
import { report } from './report.ts';

let runDir: string;
let stage: ReportStage;
const now = () => new Date('2026-03-04T15:00:00Z');

beforeEach(() => {
  runDir = mkdtempSync(join(tmpdir(), 'cft-report-'));
  stage = writeSyntheticRun(runDir, { responses: 20, questions: 200, steps: 16 }).find(
    (one): one is ReportStage => one.kind === 'report',
  ) as ReportStage;
  return () => rmSync(runDir, { recursive: true, force: true });
});

test('it writes the page and its numbers, and says where', async () => {
  const outcome = await report(stage, memoryContext({ now }));
  expect(outcome.artifacts).toEqual({ report: 'report/index.html', summary: 'report/report.json' });
  expect(outcome.metrics).toMatchObject({ trials: 9, examples: 12 });
  expect(readdirSync(join(runDir, 'report')).sort()).toEqual(['index.html', 'report.json']);
  const page = readFileSync(join(runDir, 'report/index.html'), 'utf8');
  expect(page).toContain('<title>gsm8k-equations · CFT report</title>');
  const summary = JSON.parse(readFileSync(join(runDir, 'report/report.json'), 'utf8')) as ReportSummary;
  expect(summary).toMatchObject({ kind: 'CftReport', run: { name: 'gsm8k-equations', criterion: 'strict-3' } });
  const result = JSON.parse(readFileSync(join(runDir, 'stages/evaluate-cft/result.json'), 'utf8'));
  const row = summary.results[0]?.rows.find(({ variant }) => variant === 'cft');
  expect(row).toMatchObject({
    accuracy: result.metrics.accuracy,
    passAt: { 1: result.metrics.passAt1, 8: result.metrics.passAt8 },
    entropy: { all: result.metrics.entropy },
  });
  expect(row?.learningRates).toHaveLength(1);
  expect(summary.criticality?.responses).toBe(20);
  expect(summary.trials.every((trial) => !('log' in trial))).toBe(true);
});

test('made again, it is the same', async () => {
  const read = () => ['index.html', 'report.json'].map((name) => readFileSync(join(runDir, 'report', name), 'utf8'));
  await report(stage, memoryContext({ now }));
  const first = read();
  await report(stage, memoryContext({ now }));
  expect(read()).toEqual(first);
});

test('a damaged file leaves the last report as it was', async () => {
  await report(stage, memoryContext({ now }));
  const before = readFileSync(join(runDir, 'report/index.html'), 'utf8');
  writeFileSync(join(runDir, 'annotations/shard-00000-of-00002.jsonl'), '{"id":1}\n{}\n');
  await expect(report(stage, memoryContext())).rejects.toMatchObject({ code: 'CorruptFile' });
  expect(readFileSync(join(runDir, 'report/index.html'), 'utf8')).toBe(before);
});

test('an empty directory is not a run', async () => {
  const empty = mkdtempSync(join(tmpdir(), 'cft-empty-'));
  onTestFinished(() => rmSync(empty, { recursive: true }));
  await expect(report({ ...stage, runDir: empty }, memoryContext())).rejects.toMatchObject({ code: 'FileNotFound' });
  expect(existsSync(join(empty, 'report'))).toBe(false);
});

test('it stops when it is told to', async () => {
  const stopped = memoryContext({ signal: AbortSignal.abort() });
  await expect(report(stage, stopped)).rejects.toMatchObject({ code: 'Interrupted' });
  expect(existsSync(join(runDir, 'report'))).toBe(false);
});
