import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { ReportData } from './data.ts';
import { gatherReport } from './gather.ts';
import { planOf } from './plan.ts';

/** A directory that goes when the test ends. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'cft-report-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** A report of a run that has left nothing yet, to add to. */
export const EMPTY_REPORT: ReportData = {
  run: {
    name: 'run',
    model: undefined,
    data: [],
    criterion: 'strict-3',
    verifier: undefined,
    stages: [],
    generated: undefined,
    versions: [],
    reportedAt: '',
  },
  warnings: [],
  results: [],
  trials: [],
  criticality: undefined,
  examples: [],
};

/** The report of a run directory, made at a fixed time. */
export async function gatherAt(runDir: string): Promise<ReportData> {
  return gatherReport(runDir, await planOf(runDir), {
    now: () => new Date('2026-03-04T15:00:00Z'),
    versions: [['cft', '0.0.0']],
  });
}

/** Path of a Chromium or Chrome on this machine; undefined without one. */
export function findBrowser(path = process.env.PATH ?? ''): string | undefined {
  const names = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome'];
  return names.flatMap((name) => path.split(':').map((folder) => join(folder, name))).find((file) => existsSync(file));
}
