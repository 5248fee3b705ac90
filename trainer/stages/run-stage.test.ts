import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { beforeEach, expect, test } from 'vitest';
import { EXIT } from '../../crds/exit-codes.ts';
import type { GenerateStage } from '../../crds/stage.ts';

const DOUBLE = fileURLToPath(new URL('./testdata/double.ts', import.meta.url));

let runDir: string;
let stageDir: string;

beforeEach(() => {
  runDir = mkdtempSync(join(tmpdir(), 'cft-run-stage-'));
  stageDir = join(runDir, 'stages', 'generate-00000');
});

function stage(digest = 'sha256:a'): GenerateStage {
  return {
    apiVersion: 'cft.dev/v1alpha1',
    name: 'generate-00000',
    runName: 'demo',
    runDir,
    dependsOn: [],
    digest,
    kind: 'generate',
    params: {
      model: { source: '/model', precision: 'fp32' },
      data: {
        source: '/train.jsonl',
        fields: { question: 'question', answer: 'answer' },
        promptTemplate: '{question}',
        chat: false,
      },
      validationFraction: 0,
      verifier: { type: 'math' },
      maxNewTokens: 8,
      batchSize: 1,
      shard: { index: 0, count: 1 },
      output: 'generate/lines.jsonl',
    },
  };
}

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stderr: string;
}

function start(env: NodeJS.ProcessEnv = {}, digest?: string): { child: ChildProcess; ended: Promise<Ended> } {
  const file = join(stageDir, 'stage.json');
  mkdirSync(stageDir, { recursive: true });
  writeFileSync(file, JSON.stringify(stage(digest)));
  const child = spawn(process.execPath, [DOUBLE, 'generate', '--stage', file], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const stderr = child.stderr === null ? Promise.resolve('') : text(child.stderr);
  const ended = once(child, 'close').then(async ([code, signal]) => ({ code, signal, stderr: await stderr }) as Ended);
  return { child, ended };
}

function run(env?: NodeJS.ProcessEnv, digest?: string): Promise<Ended> {
  return start(env, digest).ended;
}

function result(): Record<string, unknown> & { metrics: Record<string, number> } {
  return JSON.parse(readFileSync(join(stageDir, 'result.json'), 'utf8'));
}

function output(): string {
  const file = join(runDir, 'generate', 'lines.jsonl');
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
}

/** Waits until the output has so many lines. */
async function lines(count: number): Promise<void> {
  while (output().split('\n').length - 1 < count) await new Promise((resolve) => setTimeout(resolve, 5));
}

test('a stage leaves its result, a termination message and a log, and nothing of what it needed only while it ran', async () => {
  const message = join(runDir, 'termination-log');
  expect(await run({ CFT_TERMINATION_MESSAGE_PATH: message })).toMatchObject({ code: EXIT.ok, stderr: '' });
  expect(result()).toMatchObject({
    stage: 'generate-00000',
    kind: 'generate',
    digest: 'sha256:a',
    status: 'succeeded',
    metrics: { foundDone: 0 },
    artifacts: { lines: 'generate/lines.jsonl' },
  });
  expect(JSON.parse(readFileSync(message, 'utf8'))).toEqual(result());
  expect(readdirSync(stageDir).sort()).toEqual(['digest', 'log.jsonl', 'result.json', 'stage.json']);
  const log = readFileSync(join(stageDir, 'log.jsonl'), 'utf8').trimEnd().split('\n');
  expect(log.map((line) => JSON.parse(line))).toContainEqual(
    expect.objectContaining({ level: 'info', message: 'stage succeeded', run: 'demo', stage: 'generate-00000' }),
  );
});

test('while it runs, endpoint.json says where its progress is served', async () => {
  const { ended } = start({ DOUBLE_MS: '100' });
  await lines(2);
  const { url } = JSON.parse(readFileSync(join(stageDir, 'endpoint.json'), 'utf8')) as { url: string };
  const progress = (await (await fetch(`${url}/progress`)).json()) as { done: number };
  expect(progress).toMatchObject({ stage: 'generate-00000', phase: 'work', total: 6 });
  expect(progress.done).toBeGreaterThanOrEqual(1);
  expect(await (await fetch(`${url}/metrics`)).text()).toContain(
    'cft_run_info{run="demo",stage="generate-00000",kind="generate"',
  );
  await ended;
});

test.each([
  ['SIGTERM', EXIT.terminated],
  ['SIGINT', EXIT.interrupted],
] as const)('%s: the stage keeps its work, leaves no result, and goes on when started again', async (signal, code) => {
  await run();
  const undisturbed = output();
  runDir = mkdtempSync(join(tmpdir(), 'cft-run-stage-'));
  stageDir = join(runDir, 'stages', 'generate-00000');

  const { child, ended } = start({ DOUBLE_MS: '50' });
  await lines(2);
  child.kill(signal);
  expect(await ended).toMatchObject({ code, signal: null });
  expect(existsSync(join(stageDir, 'result.json'))).toBe(false);
  expect(await run()).toMatchObject({ code: EXIT.ok });
  expect(result().metrics.foundDone).toBeGreaterThanOrEqual(2);
  expect(output()).toBe(undisturbed);
});

test('kill -9 leaves a lock that does not stop the next start, which ends with the same bytes', async () => {
  await run();
  const undisturbed = output();
  runDir = mkdtempSync(join(tmpdir(), 'cft-run-stage-'));
  stageDir = join(runDir, 'stages', 'generate-00000');

  expect(await run({ DOUBLE_FAULTS: '{"generate-00000":{"kill":true}}' })).toMatchObject({ signal: 'SIGKILL' });
  expect(readdirSync(stageDir)).toContain('lock');
  expect(await run()).toMatchObject({ code: EXIT.ok });
  expect(result().metrics.foundDone).toBe(3);
  expect(output()).toBe(undisturbed);
});

test('an error is one message, a failed result and an exit status that tells bad input from bad luck', async () => {
  const bad = await run({ DOUBLE_FAULTS: '{"generate-00000":{"code":"CorruptFile"}}' });
  expect(bad).toEqual({
    code: EXIT.badInput,
    signal: null,
    stderr: 'CorruptFile: the double was told to fail\n  try  do not tell it to\n',
  });
  expect(result()).toMatchObject({ status: 'failed', message: bad.stderr.trimEnd(), metrics: {} });
  const unlucky = await run({ DOUBLE_FAULTS: '{"generate-00000":{"code":"DiskFull"}}' });
  expect(unlucky.code).toBe(EXIT.failed);
  expect(await run()).toMatchObject({ code: EXIT.ok });
  expect(result()).toMatchObject({ status: 'succeeded', metrics: { foundDone: 3 } });
});

test('a log in JSON tells what kept the stage from starting, too', async () => {
  const taken = createServer();
  await once(taken.listen(0, '127.0.0.1'), 'listening');
  const { port } = taken.address() as AddressInfo;
  const { code, stderr } = await run({ DOUBLE_LOG: 'json', DOUBLE_PORT: String(port) });
  taken.close();
  expect(code).toBe(EXIT.failed);
  const [line = ''] = stderr.split('\n');
  expect(JSON.parse(line)).toMatchObject({
    level: 'error',
    stage: 'generate-00000',
    error: expect.stringMatching(new RegExp(`^PortInUse: port ${port} .*try  pass --metrics-port`, 's')),
  });
});

test('a second process for the same stage is refused, and the first goes on undisturbed', async () => {
  const { child, ended } = start({ DOUBLE_MS: '100' });
  await lines(1);
  // The first holds its breath, so that it can't be over before the second has come.
  child.kill('SIGSTOP');
  const second = await run();
  child.kill('SIGCONT');
  expect(second.code).toBe(EXIT.failed);
  expect(second.stderr).toContain('AlreadyRunning: stage generate-00000 is in use by process');
  expect(await ended).toMatchObject({ code: EXIT.ok });
  expect(result().status).toBe('succeeded');
});

test('output of other settings is replaced, or left alone where the user would have to decide', async () => {
  await run({ DOUBLE_FAULTS: '{"generate-00000":{"kill":true}}' });
  const before = output();
  const refused = await run({ DOUBLE_CLAIM: 'refuse' }, 'sha256:b');
  expect(refused.code).toBe(EXIT.badInput);
  expect(refused.stderr).toContain('other settings');
  expect(output()).toBe(before);
  expect(await run({}, 'sha256:b')).toMatchObject({ code: EXIT.ok });
  expect(result().metrics.foundDone).toBe(0);
});

test('a stage whose parent was killed before it began does nothing', async () => {
  const parent = spawn('sleep', ['60']);
  parent.kill('SIGKILL');
  await once(parent, 'exit');
  expect(await run({ CFT_PARENT_PID: String(parent.pid) })).toMatchObject({ code: EXIT.terminated });
  expect(readdirSync(stageDir)).toEqual(['stage.json']);
  expect(output()).toBe('');
});
