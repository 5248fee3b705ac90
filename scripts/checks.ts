import { run } from './setup/process.mjs';

/** A check of the sources that is not a test. */
export interface Check {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  /** What mends most of what it finds. */
  readonly remedy?: string;
}

export interface CheckResult {
  readonly name: string;
  readonly passed: boolean;
  readonly seconds: number;
}

/** Types, lint and formatting, and every generated file against its generator. */
export const checks: readonly Check[] = [
  { name: 'types', command: ['node_modules/.bin/tsc', '--noEmit'] },
  {
    name: 'lint',
    command: ['node_modules/.bin/biome', 'ci', '--colors=off', '--error-on-warnings'],
    remedy: 'node_modules/.bin/biome check --write',
  },
  { name: 'crd', command: [process.execPath, 'crds/generate.ts', '--check'], remedy: 'node crds/generate.ts' },
  {
    name: 'chart',
    command: [process.execPath, 'helm/generate/main.ts', '--check'],
    remedy: 'node helm/generate/main.ts',
  },
];

/** Runs the checks beside each other and prints a line for each, with what it found if it failed. */
export async function runChecks(cwd: string, list: readonly Check[] = checks): Promise<CheckResult[]> {
  return Promise.all(
    list.map(async ({ name, command: [program, ...args], remedy }) => {
      const start = performance.now();
      const { status, error, stdout, stderr } = await run(program, args, { cwd });
      const passed = status === 0;
      const seconds = (performance.now() - start) / 1000;
      const found = passed ? '' : `${stdout}${stderr}${error?.message ?? ''}`.trimEnd();
      process.stdout.write(`check  ${name.padEnd(8)} ${passed ? 'passed' : 'FAILED'}  ${seconds.toFixed(1)} s\n`);
      if (!passed) process.stdout.write(`${found}\n${remedy === undefined ? '' : `  try  ${remedy}\n`}`);
      return { name, passed, seconds };
    }),
  );
}
