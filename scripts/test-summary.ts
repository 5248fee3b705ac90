import { z } from 'zod';
import type { CheckResult } from './checks.ts';

/** What vitest's JSON reporter writes, as far as it is counted here. */
export const VitestReport = z.object({
  success: z.boolean(),
  testResults: z.array(
    z.object({
      name: z.string(),
      status: z.string(),
      assertionResults: z.array(z.object({ fullName: z.string(), status: z.string() })),
    }),
  ),
});
export type VitestReport = z.infer<typeof VitestReport>;

export interface Summary {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** Full names of the skipped tests. */
  readonly skippedNames: readonly string[];
}

/**
 * Counts checks and tests. What ended badly without a failed test of its own counts as one failure, so that a crash is never green: a
 * file that does not load, an exit status that no failure explains, a missing report, a run that had no test.
 *
 * @param report   vitest's, undefined if it wrote none
 * @param exitCode vitest's
 */
export function summarize(
  checks: readonly CheckResult[],
  report: VitestReport | undefined,
  exitCode: number | null,
): Summary {
  const files = report?.testResults ?? [];
  const tests = files.flatMap(({ assertionResults }) => assertionResults);
  const count = (...statuses: string[]) => tests.filter(({ status }) => statuses.includes(status)).length;
  const brokenFiles = files.filter(
    ({ status, assertionResults }) => status === 'failed' && !assertionResults.some((test) => test.status === 'failed'),
  ).length;
  const failedTests = count('failed') + brokenFiles;
  const passedTests = count('passed');
  const unexplained = failedTests === 0 && (exitCode !== 0 || report?.success !== true || passedTests === 0) ? 1 : 0;
  const skippedTests = tests.filter(({ status }) => !['passed', 'failed'].includes(status));
  return {
    passed: passedTests + checks.filter(({ passed }) => passed).length,
    failed: failedTests + unexplained + checks.filter(({ passed }) => !passed).length,
    skipped: skippedTests.length,
    skippedNames: skippedTests.map(({ fullName }) => fullName),
  };
}

/** The closing line: `12 passed, 0 failed`, and `, 3 skipped` where some were. */
export function closingLine({ passed, failed, skipped }: Summary): string {
  return `${passed} passed, ${failed} failed${skipped === 0 ? '' : `, ${skipped} skipped`}`;
}
