import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { text as readAll } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import type { CftRun } from '../../crds/cftrun.ts';
import { CftError, formatError } from '../../crds/errors.ts';
import { EXIT, exitCodeOf } from '../../crds/exit-codes.ts';
import { checkCftRun, invalidManifest, locate } from '../../crds/parse.ts';
import { formatProblem, type Problem } from '../../crds/problem.ts';
import { localRunDirectory } from '../../crds/source.ts';
import type { Stage, StageKind } from '../../crds/stage.ts';
import { planStages } from '../../crds/stages.ts';
import { checkLocalInputs } from './local-inputs.ts';

const USAGE = `Usage: cft validate -f FILE [--json]

Checks a CftRun manifest and the local files it names, and shows the stages that would run. Starts nothing.

  -f, --file FILE  manifest, YAML or JSON; - reads it from standard input
      --json       one JSON object: {"valid", "file", "errors", "warnings", "skipped", "run"}
  -h, --help       this text

Exit status: 0 valid, 2 not valid or wrong usage.
`;

/** What is known of a manifest after all checks. */
interface Validation {
  readonly file: string;
  readonly run: CftRun | undefined;
  readonly runDir: string | undefined;
  readonly stages: readonly Stage[];
  readonly errors: readonly Problem[];
  readonly warnings: readonly Problem[];
  /** Why it can be carried out in a cluster only. */
  readonly clusterOnly: readonly Problem[];
  readonly skipped: readonly string[];
}

/**
 * `cft validate`: all that is wrong with a manifest, or the stages that it asks for.
 *
 * @param argv arguments after `validate`
 * @returns exit status: 0 valid, 2 not valid or wrong usage
 */
export async function main(argv: readonly string[]): Promise<number> {
  try {
    const options = readOptions(argv);
    if (options.help) {
      process.stdout.write(USAGE);
      return EXIT.ok;
    }
    const validation = await validate(options.file);
    if (options.json) process.stdout.write(`${JSON.stringify(asJson(validation))}\n`);
    else print(validation);
    return validation.errors.length === 0 ? EXIT.ok : EXIT.badInput;
  } catch (error) {
    process.stderr.write(`${formatError(error)}\n`);
    return exitCodeOf(error);
  }
}

/**
 * Checks a manifest file and the local files that it names.
 *
 * @param file path, or `-` for standard input, whose relative sources start at the working directory
 * @throws CftError FileNotFound when the manifest itself cannot be read
 */
export async function validate(file: string): Promise<Validation> {
  const checked = checkCftRun(await readManifest(file));
  const { skipped } = checked;
  const where = file === '-' ? '(standard input)' : file;
  if (checked.run === undefined) {
    return {
      file: where,
      run: undefined,
      runDir: undefined,
      stages: [],
      errors: checked.problems,
      warnings: [],
      clusterOnly: [],
      skipped,
    };
  }
  const manifestDir = file === '-' ? process.cwd() : dirname(resolve(file));
  const runDir = localRunDirectory(checked.run, manifestDir);
  const inputs = await checkLocalInputs(checked.run, manifestDir);
  return {
    file: where,
    run: checked.run,
    runDir,
    stages: planStages(checked.run, { manifestDir, runDir }),
    errors: locate(inputs.errors, checked),
    warnings: locate(inputs.warnings, checked),
    clusterOnly: locate(inputs.clusterOnly, checked),
    skipped,
  };
}

interface Options {
  readonly file: string;
  readonly json: boolean;
  readonly help: boolean;
}

function readOptions(argv: readonly string[]): Options {
  const wrong = (message: string) =>
    new CftError('InvalidArgument', message, { where: 'cft validate', hint: 'cft validate -f FILE [--json]' });
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse(argv);
  } catch (cause) {
    throw wrong(cause instanceof Error ? cause.message : String(cause));
  }
  const { file, json, help } = parsed.values;
  if (file === undefined && !help) throw wrong('which manifest?');
  return { file: file ?? '-', json, help };
}

function parse(argv: readonly string[]) {
  return parseArgs({
    args: [...argv],
    options: {
      file: { type: 'string', short: 'f' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
}

async function readManifest(file: string): Promise<string> {
  if (file === '-') return readAll(process.stdin);
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new CftError('FileNotFound', 'cannot read the manifest', {
      where: file,
      hint: 'pass the path of a YAML file with -f',
      cause,
    });
  }
}

function asJson(validation: Validation): unknown {
  const { file, run, runDir, stages, errors, warnings, skipped } = validation;
  const summary = run && {
    name: run.metadata.name,
    runDir,
    stages: stages.map(({ name, kind, dependsOn, digest }) => ({ name, kind, dependsOn, digest })),
  };
  return {
    valid: errors.length === 0,
    file,
    errors: errors.map(forPrograms),
    warnings: warnings.map(forPrograms),
    skipped,
    run: summary,
  };
}

function forPrograms({ path, line, message, value }: Problem) {
  return { path, line, message, value };
}

function print(validation: Validation): void {
  const { file, run, runDir, stages, errors, warnings, skipped } = validation;
  for (const name of skipped) process.stdout.write(`${file}: skipped ${name}: not a CftRun\n`);
  for (const warning of warnings) process.stderr.write(`${file}: warning: ${formatProblem(warning)}\n`);
  if (errors.length > 0) {
    const hint = run && 'relative paths start at the folder of the manifest';
    process.stderr.write(`${formatError(invalidManifest(errors, file, hint))}\n`);
    return;
  }
  process.stdout.write(`${file}: valid\n  run       ${run?.metadata.name} in ${runDir}\n${planText(stages)}`);
}

function planText(stages: readonly Stage[]): string {
  const kinds = [...new Set(stages.map(({ kind }) => kind))];
  return kinds.map((kind) => `  ${kind.padEnd(8)}  ${namesOf(kind, stages)}\n`).join('');
}

function namesOf(kind: StageKind, stages: readonly Stage[]): string {
  const names = stages.filter((stage) => stage.kind === kind).map(({ name }) => name);
  if (names.length <= 8) return names.join(' ');
  return `${names.slice(0, 3).join(' ')} ... ${names.at(-1)} (${names.length} stages)`;
}
