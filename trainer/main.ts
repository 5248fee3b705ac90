import { resolve } from 'node:path';
import { Command, CommanderError, Option } from 'commander';
import { CftError } from '../crds/errors.ts';
import { EXIT } from '../crds/exit-codes.ts';
import type { Stage, StageResult } from '../crds/stage.ts';
import manifest from '../package.json' with { type: 'json' };
import type { PromptRequest } from './stages/context.ts';
import { finishedResult } from './stages/finished.ts';
import { addFlags } from './stages/flags/flag.ts';
import type { Given } from './stages/flags/plan.ts';
import { formatContinuation, promptRequest } from './stages/flags/prompt.ts';
import { addShellFlags, readLog, readMetrics, type Surroundings } from './stages/flags/shell-flags.ts';
import { STAGE_COMMANDS, type StageCommand } from './stages/flags/stage-commands.ts';
import { listenForInterrupts } from './stages/interrupts.ts';
import { runStage, type StageRun } from './stages/run-stage.ts';
import { openShell } from './stages/shell.ts';
import { readStage } from './stages/stage-file.ts';
import { describeResult } from './stages/summary.ts';
import { work } from './stages/work.ts';

/**
 * The trainer's commands: `generate`, `annotate`, `train`, `evaluate`, `report`, `stage`, `verify`. Data goes to standard output, everything else to
 * standard error. No command loads TensorFlow before it needs it.
 *
 * @param argv the command's name and its arguments
 * @returns exit status, see {@link EXIT}
 * @throws CftError for wrong usage
 */
export async function main(argv: readonly string[]): Promise<number> {
  const surroundings: Surroundings = { env: process.env, terminal: process.stderr.isTTY === true };
  // Options and files of its own, and no log: it reads lines and writes lines.
  if (argv[0] === 'verify') return (await import('./stages/verify.ts')).main(argv.slice(1));
  let exitCode: number = EXIT.ok;
  const program = new Command('cft').exitOverride().configureOutput({ writeErr: () => {} });
  for (const command of STAGE_COMMANDS) {
    const sub = addFlags(
      program.command(command.kind).summary(command.summary).description(command.summary),
      command.flags,
    );
    for (const [flags, help] of command.own) sub.addOption(new Option(flags, help));
    sub.option('--stage <file>', 'instead of all these: the stage.json of an executor');
    sub.option('--json', 'print the result as JSON');
    addShellFlags(sub).action(async (given: Given) => {
      exitCode = await runCommand(command, given, surroundings);
    });
  }
  const stage = program
    .command('stage')
    .argument('<file>', 'stage.json')
    .description('a stage from its JSON file, as pods start it');
  addShellFlags(stage.option('--json', 'print the result as JSON')).action(async (file: string, given: Given) => {
    exitCode = await runAll([await readStage(file)], given, surroundings, 'replace');
  });
  try {
    await program.parseAsync([...argv], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return EXIT.ok;
    const message = error.message.replace(/^error: /, '');
    throw new CftError('InvalidArgument', message, {
      where: `cft ${argv[0] ?? ''}`.trim(),
      hint: `\`cft ${argv[0] ?? ''} --help\` tells every option`,
    });
  }
  return exitCode;
}

async function runCommand(command: StageCommand, given: Given, surroundings: Surroundings): Promise<number> {
  if (typeof given.stage === 'string') {
    const stage = await readStage(given.stage);
    if (stage.kind === command.kind) return runAll([stage], given, surroundings, 'replace');
    throw new CftError('InvalidArgument', `this is a stage of kind ${stage.kind}, not ${command.kind}`, {
      where: given.stage,
      hint: `start it with \`cft ${stage.kind} --stage\``,
    });
  }
  const request = command.kind === 'generate' ? promptRequest(given, process.cwd()) : undefined;
  if (request !== undefined) return runPrompt(request, given, surroundings);
  const stages = await command.plan(given, { cwd: process.cwd(), out: outDirectory(command, given) });
  return runAll(stages, given, surroundings, given.fresh === true || command.kind === 'report' ? 'replace' : 'refuse');
}

function outDirectory({ kind }: StageCommand, given: Given): string {
  if (typeof given.out === 'string') return resolve(given.out);
  if (kind === 'report') return resolve(String(given.run));
  throw new CftError('InvalidArgument', '--out <dir> is missing', {
    where: `cft ${kind}`,
    hint: `pass a directory to work in; \`cft ${kind} --help\` tells every option`,
  });
}

/** Stages one after the other, in this process. One that has its result already is not done again. */
async function runAll(
  stages: readonly Stage[],
  given: Given,
  surroundings: Surroundings,
  claim: 'replace' | 'refuse',
): Promise<number> {
  const log = readLog(given, surroundings);
  const { env } = surroundings;
  for (const stage of stages) {
    const finished = await finishedResult(stage);
    const run: StageRun =
      finished !== undefined && stage.kind !== 'report'
        ? { exitCode: EXIT.ok, result: finished, error: undefined }
        : await runStage(stage, {
            log,
            metrics: readMetrics(given, surroundings),
            now: () => new Date(),
            version: manifest.version,
            work,
            claim,
            terminationMessagePath: env.CFT_TERMINATION_MESSAGE_PATH,
            parent: env.CFT_PARENT_PID === undefined ? undefined : Number(env.CFT_PARENT_PID),
          });
    if (run.result !== undefined && (run.error === undefined || given.json === true)) print(stage, run.result, given);
    if (run.error !== undefined && log.format !== 'json') process.stderr.write(`${run.error}\n`);
    if (run.exitCode !== EXIT.ok) return run.exitCode;
  }
  return EXIT.ok;
}

function print(stage: Stage, result: StageResult, given: Given): void {
  process.stdout.write(given.json === true ? `${JSON.stringify(result)}\n` : describeResult(stage, result));
}

async function runPrompt(request: PromptRequest, given: Given, surroundings: Surroundings): Promise<number> {
  const interrupts = listenForInterrupts(undefined);
  const log = readLog({ logLevel: 'warn', ...given }, surroundings);
  const identity = { run: 'cft', stage: 'prompt', kind: 'generate', version: manifest.version };
  const metrics = given.metricsPort === undefined ? undefined : readMetrics(given, surroundings);
  const shell = await openShell({
    identity,
    log,
    metrics,
    stageDir: undefined,
    signal: interrupts.signal,
    now: () => new Date(),
  });
  try {
    const { continuePrompt } = await import('./stages/prompt.ts');
    const continuation = await continuePrompt(request, shell.context);
    process.stdout.write(formatContinuation(continuation, given.json === true));
    return EXIT.ok;
  } catch (error) {
    const stopped = interrupts.exitCode();
    if (stopped === undefined) throw error;
    return stopped;
  } finally {
    await shell.close();
    interrupts.close();
  }
}
