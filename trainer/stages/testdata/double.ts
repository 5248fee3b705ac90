import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CftError, type CftErrorCode } from '../../../crds/errors.ts';
import { openJsonLines } from '../../../crds/files.ts';
import type { Stage } from '../../../crds/stage.ts';
import type { StageContext, StageOutcome } from '../context.ts';
import { runStage, stageDirectory } from '../run-stage.ts';
import { readStage } from '../stage-file.ts';

/**
 * Stands in for `cft <kind> --stage FILE` where the work itself does not matter: the same shell, and a stage that appends a few lines, each
 * of which depends on those before it and on what the stages it depends on have written. Any kind; takes no time to load.
 *
 * DOUBLE_UNITS       lines to write (default 6)
 * DOUBLE_MS          pause before each (default 5)
 * DOUBLE_FAULTS      JSON {"<stage>": {"code"?, "kill"?, "hang"?, "before"?, "until"?}}: fail with an error, die, or stand still before line `before`
 *                    (default 3), for as long as the stage has been started at most `until` times (default: always)
 * DOUBLE_LOG         `json`: log on the error stream, as in a pod (default none)
 * DOUBLE_PORT        of the metrics (default: any free one)
 */
interface Fault {
  readonly code?: CftErrorCode;
  readonly kill?: boolean;
  readonly hang?: boolean;
  readonly before?: number;
  readonly until?: number;
}

const { env } = process;
const units = Number(env.DOUBLE_UNITS ?? 6);
const faults = JSON.parse(env.DOUBLE_FAULTS ?? '{}') as Record<string, Fault>;

async function work(stage: Stage, context: StageContext): Promise<StageOutcome> {
  const starts = join(stage.runDir, 'starts');
  appendFileSync(starts, `${stage.name}\n`);
  const attempt = readFileSync(starts, 'utf8')
    .split('\n')
    .filter((name) => name === stage.name).length;
  const fault = attempt <= (faults[stage.name]?.until ?? Number.POSITIVE_INFINITY) ? faults[stage.name] : undefined;
  const sums = stage.dependsOn.map((name) => sumOf(join(stageDirectory({ ...stage, name }), 'result.json')));
  const lines = await openJsonLines<{ sum: number }>(outputFile(stage));
  let sum = lines.existing.at(-1)?.sum ?? sums.reduce((a, b) => a + b, 1);
  const { length } = lines.existing;
  context.progress.update({ phase: 'work', done: length, total: units });
  for (let done = length; done < units; done++) {
    if (fault !== undefined && done === (fault.before ?? 3)) await suffer(fault);
    await new Promise((resolve) => setTimeout(resolve, Number(env.DOUBLE_MS ?? 5)));
    sum = (sum * 31 + done) % 1_000_003;
    await lines.append([{ sum }]);
    context.progress.update({ phase: 'work', done: done + 1, total: units });
    await context.cancellationPoint();
  }
  await lines.close();
  if (stage.kind === 'annotate') context.warn('CriticalRatioLow', 'only 3 % of the tokens are critical');
  return { metrics: { sum, foundDone: length }, artifacts: { lines: stage.params.output } };
}

function outputFile(stage: Stage): string {
  const output = join(stage.runDir, stage.params.output);
  return stage.kind === 'generate' || stage.kind === 'annotate' ? output : join(output, 'lines.jsonl');
}

function sumOf(resultFile: string): number {
  if (!existsSync(resultFile))
    throw new CftError('Internal', 'started before a stage that it depends on', { where: resultFile });
  return (JSON.parse(readFileSync(resultFile, 'utf8')) as { metrics: { sum: number } }).metrics.sum;
}

async function suffer({ code, kill, hang }: Fault): Promise<void> {
  if (kill) process.kill(process.pid, 'SIGKILL');
  while (hang) await new Promise((resolve) => setTimeout(resolve, 1000));
  if (code !== undefined) throw new CftError(code, 'the double was told to fail', { hint: 'do not tell it to' });
}

const file = process.argv[process.argv.indexOf('--stage') + 1] ?? '';
const run = await runStage(await readStage(file), {
  work,
  version: '0.0.0',
  log: { level: 'info', format: env.DOUBLE_LOG === 'json' ? 'json' : 'none', color: false, descriptor: 2 },
  metrics: process.argv.includes('off') ? undefined : { host: '127.0.0.1', port: Number(env.DOUBLE_PORT ?? 0) },
  now: () => new Date(),
  claim: env.DOUBLE_CLAIM === 'refuse' ? 'refuse' : 'replace',
  terminationMessagePath: env.CFT_TERMINATION_MESSAGE_PATH,
  parent: env.CFT_PARENT_PID === undefined ? undefined : Number(env.CFT_PARENT_PID),
});
if (run.error !== undefined) process.stderr.write(`${run.error}\n`);
process.exitCode = run.exitCode;
