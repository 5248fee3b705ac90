import { existsSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArguments } from '../../crds/arguments.ts';
import type { CftRun } from '../../crds/cftrun.ts';
import { CftError } from '../../crds/errors.ts';
import { EXIT } from '../../crds/exit-codes.ts';
import { invalidManifest } from '../../crds/parse.ts';
import { formatProblem } from '../../crds/problem.ts';
import type { Stage } from '../../crds/stage.ts';
import { planStages, type RunPlace } from '../../crds/stages.ts';
import type { Launcher } from '../executors/attempt.ts';
import { type Execution, executeRun } from '../executors/execute-run.ts';
import { type Summary, summarize } from '../summary.ts';
import { progressBars } from './progress-bars.ts';
import { progressLines, type RunView } from './progress-lines.ts';
import { listenForStop } from './stop.ts';
import { formatSummary } from './summary-table.ts';
import { validate } from './validate.ts';

const USAGE = `Usage: cft run -f FILE [options]

Runs all stages of a CftRun manifest on this machine: generate, annotate, train, evaluate, report. Started again after a stop or a
kill, it goes on where it was; a changed manifest, model or data file runs again what it concerns.

  -f, --file FILE          manifest, YAML or JSON; - reads it from standard input
      --run-dir DIR        where to work (default: storage.path of the manifest, or runs/NAME beside it)
      --fresh              remove what earlier runs have left there first
      --parallel N         stages that may run at the same time (default: 1)
      --metrics-port PORT  of /metrics, /healthz and /progress of the running stage: a number, 0 for any free port (default), or off;
                           with --parallel, the next numbers too
      --json               print the results as one JSON object
  -h, --help               this text

Exit status: 0 done, 1 failed, 2 wrong usage or input, 130 or 143 stopped by a signal.
`;

/** Seconds that a stage gets to save its state when the run is to stop. */
const GRACE_SECONDS = 30;

const CLUSTER_ONLY =
  'copy it to this machine and name its path here, or start the run in the cluster: kubectl apply -f';

interface Options {
  readonly file: string;
  readonly runDir: string | undefined;
  readonly fresh: boolean;
  readonly parallel: number;
  readonly metricsPort: string;
  readonly json: boolean;
}

/**
 * `cft run`: a CftRun from its manifest to its report, on this machine.
 *
 * @param argv arguments after `run`
 * @returns exit status
 * @throws CftError for wrong usage, a wrong manifest, or a run directory that is in use
 */
export async function main(argv: readonly string[]): Promise<number> {
  const options = readOptions(argv);
  if (options === undefined) {
    process.stdout.write(USAGE);
    return EXIT.ok;
  }
  const { run, place } = await readRun(options);
  const stop = listenForStop(run.spec.activeDeadlineSeconds);
  const view = createView(planStages(run, place));
  const shown = relative('', place.runDir) || '.';
  view.note(`${run.metadata.name}: working in ${shown}`);
  let execution: Execution;
  try {
    execution = await executeRun(run, place, {
      launch: launcher(options.metricsPort),
      parallel: options.parallel,
      signal: stop.signal,
      graceSeconds: GRACE_SECONDS,
      fresh: options.fresh,
      observer: view,
      onPlan: (_stages, orphans) => {
        for (const name of orphans) view.note(`${name}: ended what a killed run had left running`);
      },
    });
  } finally {
    view.close();
    stop.close();
  }
  return finish(execution, run, place, stop.reason(), options.json);
}

async function readRun({ file, runDir }: Options): Promise<{ run: CftRun; place: RunPlace }> {
  const validation = await validate(file);
  const { run, errors, warnings, clusterOnly } = validation;
  if (run === undefined || errors.length > 0) throw invalidManifest(errors, validation.file);
  if (clusterOnly.length > 0) throw invalidManifest(clusterOnly, validation.file, CLUSTER_ONLY);
  if (run.spec.suspend) {
    throw new CftError('InvalidManifest', 'spec.suspend is true: this run is not to be started', {
      where: validation.file,
      hint: 'set it to false',
    });
  }
  for (const warning of warnings) process.stderr.write(`${validation.file}: warning: ${formatProblem(warning)}\n`);
  const manifestDir = file === '-' ? process.cwd() : dirname(resolve(file));
  return { run, place: { manifestDir, runDir: resolve(runDir ?? validation.runDir ?? '.') } };
}

function createView(stages: readonly Stage[]): RunView {
  const { stderr } = process;
  return stderr.isTTY
    ? progressBars(stderr, stages)
    : progressLines(
        (line) => void stderr.write(line),
        () => performance.now(),
      );
}

/** Starts a stage as `cft <kind> --stage FILE` on this very Node. Its log goes to log.jsonl. */
function launcher(metricsPort: string): Launcher {
  const cft = fileURLToPath(new URL('../../bin/cft.ts', import.meta.url));
  return ({ kind }, stageFile, slot) => {
    const port = /^[1-9]/.test(metricsPort) ? String(Number(metricsPort) + slot) : metricsPort;
    const args = [cft, kind, '--stage', stageFile, '--log-format', 'none', '--metrics-port', port];
    return { command: process.execPath, args: [...process.execArgv, ...args] };
  };
}

function finish(
  execution: Execution,
  run: CftRun,
  { runDir }: RunPlace,
  stopped: ReturnType<ReturnType<typeof listenForStop>['reason']>,
  json: boolean,
): number {
  const { status, stages, results, failure } = execution;
  const summary = summarize(stages, results);
  const report = join(runDir, 'report', 'index.html');
  const done = status === 'succeeded';
  if (json) {
    const { message } = failure ?? {};
    const stagesDone = Object.fromEntries(results);
    process.stdout.write(
      `${JSON.stringify({ name: run.metadata.name, runDir, status, ...(message === undefined ? {} : { stage: failure?.stage.name, message }), ...summary, report: done ? report : undefined, stages: stagesDone })}\n`,
    );
  } else if (done) process.stdout.write(closing(summary, report));
  if (failure !== undefined) {
    throw new CftError('StageFailed', `${failure.stage.name}: ${failure.message}`, {
      where: join(runDir, 'stages', failure.stage.name, 'log.jsonl'),
      hint: 'start the same command again to go on: finished work is kept',
    });
  }
  if (done) return EXIT.ok;
  process.stderr.write(`${stopped?.message ?? 'stopped'}; start the same command again to go on\n`);
  return stopped?.exitCode ?? EXIT.failed;
}

function closing(summary: Summary, report: string): string {
  const page = existsSync(report) ? `\nreport  ${relative('', report)}\n` : '';
  return `\n${formatSummary(summary)}${page}`;
}

function readOptions(argv: readonly string[]): Options | undefined {
  const { values } = parse(argv);
  if (values.help) return undefined;
  if (values.file === undefined) throw wrong('which manifest?');
  const parallel = Number(values.parallel);
  if (!Number.isInteger(parallel) || parallel < 1)
    throw wrong(`--parallel: ${values.parallel} must be a whole number of at least 1`);
  const port = values['metrics-port'];
  if (port !== 'off' && !(/^\d{1,5}$/.test(port) && Number(port) + parallel - 1 <= 65_535))
    throw wrong(`--metrics-port: ${port} must be a port, 0 or off`);
  return {
    file: values.file,
    runDir: values['run-dir'],
    fresh: values.fresh,
    parallel,
    metricsPort: port,
    json: values.json,
  };
}

function parse(argv: readonly string[]) {
  return parseArguments(
    {
      args: [...argv],
      options: {
        file: { type: 'string', short: 'f' },
        'run-dir': { type: 'string' },
        fresh: { type: 'boolean', default: false },
        parallel: { type: 'string', default: '1' },
        'metrics-port': { type: 'string', default: '0' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    },
    wrong,
  );
}

function wrong(message: string): CftError {
  return new CftError('InvalidArgument', message, {
    where: 'cft run',
    hint: 'cft run -f FILE; `cft run --help` tells every option',
  });
}
