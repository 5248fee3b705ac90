// `npm test`: the checks, then all tests. `npm test -- trainer/model` runs only the tests whose path has that in it, and no checks; other
// arguments go to vitest too.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runChecks } from './checks.ts';
import { closingLine, summarize, VitestReport } from './test-summary.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

/** Runs vitest with its output shown. */
async function vitest(args: readonly string[], reportFile: string): Promise<number | null> {
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${reportFile}`];
  const child = spawn(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', ...reporters, ...args], {
    cwd: root,
    stdio: 'inherit',
  });
  return new Promise((resolve) => child.on('exit', (code) => resolve(code)));
}

function readReport(path: string): VitestReport | undefined {
  try {
    return VitestReport.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch {
    return undefined;
  }
}

const args = process.argv.slice(2);
const filtered = args.some((argument) => !argument.startsWith('-'));
const folder = mkdtempSync(join(tmpdir(), 'cft-test-'));
try {
  const checks = filtered ? [] : await runChecks(root);
  const exitCode = await vitest(args, join(folder, 'report.json'));
  const summary = summarize(checks, readReport(join(folder, 'report.json')), exitCode);
  for (const name of summary.skippedNames) process.stdout.write(`skipped  ${name}\n`);
  process.stdout.write(`${closingLine(summary)}\n`);
  process.exitCode = summary.failed === 0 ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
