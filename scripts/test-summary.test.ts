import { describe, expect, test } from 'vitest';
import type { CheckResult } from './checks.ts';
import { closingLine, summarize, type VitestReport } from './test-summary.ts';

const check = (passed: boolean): CheckResult => ({ name: 'types', passed, seconds: 1 });
const file = (status: string, ...tests: string[]): VitestReport['testResults'][number] => ({
  name: 'a.test.ts',
  status,
  assertionResults: tests.map((testStatus, i) => ({ fullName: `test ${i}`, status: testStatus })),
});
const report = (success: boolean, ...testResults: VitestReport['testResults']): VitestReport => ({
  success,
  testResults,
});

describe('closing line', () => {
  test('counts checks with the tests, and names the skipped', () => {
    const summary = summarize([check(true), check(true)], report(true, file('passed', 'passed', 'skipped', 'todo')), 0);
    expect(summary.skippedNames).toEqual(['test 1', 'test 2']);
    expect(closingLine(summary)).toBe('3 passed, 0 failed, 2 skipped');
  });

  test('a failed check is a failure', () => {
    expect(closingLine(summarize([check(false)], report(true, file('passed', 'passed')), 0))).toBe(
      '1 passed, 1 failed',
    );
  });

  test('a file that does not load is a failure', () => {
    const summary = summarize([], report(false, file('passed', 'passed'), file('failed')), 1);
    expect(closingLine(summary)).toBe('1 passed, 1 failed');
  });

  test.each([
    ['vitest crashed without a report', undefined, 1],
    ['it was killed', report(true, file('passed', 'passed')), null],
    ['an error outside of any test', report(false, file('passed', 'passed')), 1],
    ['no test was found', report(true), 0],
    ['nothing but skipped tests', report(true, file('passed', 'skipped')), 0],
  ])('never green: %s', (_name, result, exitCode) => {
    expect(summarize([check(true)], result, exitCode).failed).toBe(1);
  });
});
