import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { CftRun } from '../../crds/cftrun.ts';
import { lockHolder, runsHere } from '../../crds/lock.ts';
import { planStages } from '../../crds/stages.ts';

const RUNNER = fileURLToPath(new URL('./testdata/runner.ts', import.meta.url));
/** A stage's shell around work that takes milliseconds. */
const DOUBLE = fileURLToPath(new URL('../../trainer/stages/testdata/double.ts', import.meta.url));

const STAGES = [
  'generate-00000',
  'annotate-00000',
  'train-cft-lr1e-5-s0',
  'train-cft-lr1e-5-s1',
  'evaluate-base',
  'evaluate-cft',
  'report',
];

// A run is seven processes: seconds, or much more on a busy machine.
vi.setConfig({ testTimeout: 600_000, hookTimeout: 600_000 });

interface Outcome {
  readonly status?: string;
  readonly failed?: string;
  readonly message?: string;
  readonly sums?: Record<string, number>;
  readonly stderr: string;
}

interface RunnerOptions {
  readonly parallel?: number;
  readonly backoffLimit?: number;
  readonly metricsPort?: string;
  readonly env?: NodeJS.ProcessEnv;
}

let runDir: string;

function freshDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'cft-execute-'));
  writeFileSync(join(directory, 'train.jsonl'), '{"question":"1+1","answer":"2"}\n');
  writeFileSync(join(directory, 'test.jsonl'), '{"question":"1+2","answer":"3"}\n');
  return directory;
}

function start(
  { parallel = 2, backoffLimit = 0, metricsPort = 'off', env = {} }: RunnerOptions = {},
  directory = runDir,
): { runner: ChildProcess; outcome: Promise<Outcome> } {
  const args = [RUNNER, directory, DOUBLE, String(parallel), String(backoffLimit), metricsPort];
  const runner = spawn(process.execPath, args, {
    env: { ...process.env, DOUBLE_UNITS: '4', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [stdout, stderr] = [runner.stdout, runner.stderr].map((stream) =>
    stream === null ? Promise.resolve('') : text(stream),
  );
  const outcome = once(runner, 'close').then(async () => {
    const printed = (await stdout) ?? '';
    return { ...(printed === '' ? {} : (JSON.parse(printed) as object)), stderr: (await stderr) ?? '' };
  });
  return { runner, outcome };
}

function execute(options?: RunnerOptions, directory?: string): Promise<Outcome> {
  return start(options, directory).outcome;
}

function events(name: string, directory = runDir): string[] {
  const file = join(directory, 'events');
  const lines = existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split('\n') : [];
  return lines.filter((line) => line.startsWith(`${name} `)).map((line) => line.slice(name.length + 1));
}

/** How often each stage's work was started. */
function starts(): Map<string, number> {
  const file = join(runDir, 'starts');
  const names = existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split('\n') : [];
  return new Map(STAGES.map((stage) => [stage, names.filter((name) => name === stage).length]));
}

/** Everything that stages have made, by path; locks come and go beside it, and are not looked at. */
function outputs(directory = runDir): Record<string, string> {
  const folders = ['generate', 'annotations', 'train', 'evaluate', 'report'].filter((folder) =>
    existsSync(join(directory, folder)),
  );
  const files = folders.flatMap((folder) =>
    readdirSync(join(directory, folder), { recursive: true, encoding: 'utf8' }).map((path) => join(folder, path)),
  );
  const made = files.filter((path) => path.endsWith('.jsonl')).sort();
  return Object.fromEntries(made.map((path) => [path, readFileSync(join(directory, path), 'utf8')]));
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** The processes that hold the locks of stages. */
async function stageProcesses(): Promise<number[]> {
  const holders = await Promise.all(STAGES.map((name) => lockHolder(join(runDir, 'stages', name, 'lock'))));
  return holders.flatMap((holder) => (holder !== undefined && runsHere(holder) ? [holder.pid] : []));
}

let undisturbed: { readonly outputs: Record<string, string>; readonly sums: Record<string, number> | undefined };

beforeAll(async () => {
  const directory = freshDirectory();
  const { sums } = await execute({}, directory);
  undisturbed = { outputs: outputs(directory), sums };
});

beforeEach(() => {
  runDir = freshDirectory();
});

test('every stage runs once, after those it depends on, and run.json plans the same stages again', async () => {
  const outcome = await execute();
  expect(outcome).toMatchObject({ status: 'succeeded', stderr: '', sums: undisturbed.sums });
  expect([...starts().values()]).toEqual(STAGES.map(() => 1));
  expect(events('succeeded').sort()).toEqual([...STAGES].sort());
  expect(Object.keys(outputs())).toHaveLength(STAGES.length);
  const run = CftRun.parse(JSON.parse(readFileSync(join(runDir, 'run.json'), 'utf8')));
  expect(planStages(run, { manifestDir: runDir, runDir }).map(({ name }) => name)).toEqual(STAGES);
  expect(existsSync(join(runDir, 'lock'))).toBe(false);
});

test('started again, a finished run does nothing; a changed data file runs again what it concerns; fresh runs all', async () => {
  await execute();
  expect(await execute()).toMatchObject({ status: 'succeeded', sums: undisturbed.sums });
  expect(events('skipped').sort()).toEqual([...STAGES].sort());
  writeFileSync(join(runDir, 'test.jsonl'), '{"question":"1+2","answer":"4"}\n');
  expect(await execute()).toMatchObject({ status: 'succeeded', sums: undisturbed.sums });
  const twice = (name: string) => name.startsWith('evaluate') || name === 'report';
  expect(starts()).toEqual(new Map(STAGES.map((name) => [name, twice(name) ? 2 : 1])));
  expect(await execute({ env: { FRESH: '1' } })).toMatchObject({ status: 'succeeded', sums: undisturbed.sums });
  expect(starts()).toEqual(new Map(STAGES.map((name) => [name, twice(name) ? 3 : 2])));
  expect(outputs()).toEqual(undisturbed.outputs);
});

test('stages that do not wait for each other run at the same time, as many as are allowed', async () => {
  const { outcome } = start({ metricsPort: '0', env: { DOUBLE_MS: '150' } });
  await until(async () => (await stageProcesses()).length === 2);
  expect(await outcome).toMatchObject({ status: 'succeeded' });
  expect(events('endpoint').length).toBeGreaterThan(0);
  expect(events('progress').length).toBeGreaterThan(0);
});

test('a second run in the same directory is refused', async () => {
  const { outcome } = start({ env: { DOUBLE_MS: '50' } });
  await until(() => events('started').length > 0);
  expect((await execute()).stderr).toContain('AlreadyRunning');
  expect(await outcome).toMatchObject({ status: 'succeeded', sums: undisturbed.sums });
});

test('a stage that fails by bad luck is tried again, and goes on from what it had done', async () => {
  const faults = {
    'generate-00000': { kill: true, before: 2, until: 1 },
    'train-cft-lr1e-5-s1': { code: 'DiskFull', until: 2 },
  };
  const outcome = await execute({ backoffLimit: 2, env: { DOUBLE_FAULTS: JSON.stringify(faults) } });
  expect(outcome).toMatchObject({ status: 'succeeded', sums: undisturbed.sums });
  expect(starts().get('generate-00000')).toBe(2);
  expect(starts().get('train-cft-lr1e-5-s1')).toBe(3);
  expect(outputs()).toEqual(undisturbed.outputs);
});

test('bad input is not tried again; the run fails with the message of the stage, and nothing after it starts', async () => {
  const faults = { 'annotate-00000': { code: 'CorruptFile' } };
  const outcome = await execute({ parallel: 1, backoffLimit: 5, env: { DOUBLE_FAULTS: JSON.stringify(faults) } });
  expect(outcome).toMatchObject({
    status: 'failed',
    failed: 'annotate-00000',
    message: 'CorruptFile: the double was told to fail\n  try  do not tell it to',
  });
  expect(starts().get('annotate-00000')).toBe(1);
  expect(starts().get('train-cft-lr1e-5-s0')).toBe(0);
  expect(await execute()).toMatchObject({ status: 'succeeded', sums: undisturbed.sums });
});

test('a stage that dies without a word is told of with the signal', async () => {
  const faults = { 'generate-00000': { kill: true } };
  const outcome = await execute({ env: { DOUBLE_FAULTS: JSON.stringify(faults) } });
  expect(outcome).toMatchObject({
    status: 'failed',
    failed: 'generate-00000',
    message: 'StageFailed: the process was killed by SIGKILL (out of memory?)',
  });
});

test('SIGTERM: the stages save their state and end, and the run goes on when started again', async () => {
  const { runner, outcome } = start({ env: { DOUBLE_MS: '100' } });
  await until(async () => (await stageProcesses()).length > 0);
  runner.kill('SIGTERM');
  expect(await outcome).toMatchObject({ status: 'stopped' });
  expect(await stageProcesses()).toEqual([]);
  expect(existsSync(join(runDir, 'lock'))).toBe(false);
  expect(await execute()).toMatchObject({ status: 'succeeded', sums: undisturbed.sums });
  expect(outputs()).toEqual(undisturbed.outputs);
});

test('stages of a killed run end by themselves', async () => {
  const { runner, outcome } = start({ env: { DOUBLE_MS: '300', DOUBLE_UNITS: '1000' } });
  await until(async () => (await stageProcesses()).length > 0);
  runner.kill('SIGKILL');
  await outcome;
  await until(async () => (await stageProcesses()).length === 0);
  expect(existsSync(join(runDir, 'stages', 'generate-00000', 'result.json'))).toBe(false);
});

test('a stage of a killed run that does not end by itself is ended by the next run', async () => {
  const faults = { 'generate-00000': { hang: true, until: 1 } };
  const { runner, outcome } = start({ parallel: 1, env: { DOUBLE_FAULTS: JSON.stringify(faults) } });
  await until(async () => (await stageProcesses()).length > 0 && starts().get('generate-00000') === 1);
  runner.kill('SIGKILL');
  await outcome;
  expect(await execute({ env: { DOUBLE_FAULTS: JSON.stringify(faults) } })).toMatchObject({
    status: 'succeeded',
    sums: undisturbed.sums,
  });
  expect(events('orphan')).toEqual(['generate-00000']);
  expect(outputs()).toEqual(undisturbed.outputs);
});

test('kill -9 of the run or of a stage at any moment: started again until it ends, it ends with the same bytes', async () => {
  const random = pseudoRandom(7);
  let outcome: Outcome = { stderr: '' };
  let kills = 0;
  while (outcome.status !== 'succeeded') {
    const { runner, outcome: ended } = start({ backoffLimit: 1, env: { DOUBLE_MS: '10' } });
    const over = () => runner.exitCode !== null || runner.signalCode !== null;
    const kill = async () => {
      while (!over()) {
        const enough = linesOf(outputs()) + 1 + Math.floor(4 * random());
        await until(() => over() || linesOf(outputs()) >= enough);
        await new Promise((resolve) => setTimeout(resolve, 100 * random()));
        const victim = random() < 0.5 ? runner.pid : (await stageProcesses())[0];
        if (!over() && victim !== undefined && killed(victim)) kills++;
      }
    };
    [outcome] = await Promise.all([ended, kill()]);
  }
  expect(kills).toBeGreaterThan(2);
  expect(outcome.sums).toEqual(undisturbed.sums);
  expect(outputs()).toEqual(undisturbed.outputs);
});

/** Whole lines in all files. */
function linesOf(files: Readonly<Record<string, string>>): number {
  return Object.values(files).join('').split('\n').length - 1;
}

/** Kills a process, unless it has ended in the meantime. */
function killed(pid: number): boolean {
  try {
    return process.kill(pid, 'SIGKILL');
  } catch {
    return false;
  }
}

/** Numbers in [0, 1) that are the same in each run of the test (mulberry32). */
function pseudoRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
