import { createHash } from 'node:crypto';
import { basename, relative } from 'node:path';
import { API_VERSION, KIND } from '../../../crds/cftrun.ts';
import { CftError } from '../../../crds/errors.ts';
import { fingerprint, withInputDigests } from '../../../crds/fingerprint.ts';
import { checkCftRun } from '../../../crds/parse.ts';
import type { Problem } from '../../../crds/problem.ts';
import type { Stage, TrainStage } from '../../../crds/stage.ts';
import { planStages } from '../../../crds/stages.ts';
import { type Flag, flagName, flagOf, optionValue, setFields } from './flag.ts';

/** Options as commander gives them. */
export type Given = Readonly<Record<string, unknown>>;

/** Where a stage that was asked for by options works; both absolute. */
export interface Place {
  /** Folder that relative paths of options start at. */
  readonly cwd: string;
  /** `--out`: becomes a run directory. */
  readonly out: string;
}

/**
 * The stages that options ask for. The options are put into a manifest, so that they have the defaults and the checks of one; what is
 * wrong is said with the name of the option.
 *
 * @returns the planned stages, in order, each after those it depends on
 * @throws CftError InvalidArgument with every wrong option
 */
export async function planFromFlags(
  command: string,
  flags: readonly Flag[],
  given: Given,
  place: Place,
): Promise<Stage[]> {
  const missing = flags.filter((flag) => flag.required && optionValue(flag, given) === undefined);
  if (missing.length > 0) throw missingOptions(command, missing);
  const manifest = setFields(skeleton(given), flags, given);
  const checked = checkCftRun(manifest);
  if (checked.run === undefined) throw wrongOptions(command, checked.problems, flags);
  return withInputDigests(planStages(checked.run, { manifestDir: place.cwd, runDir: place.out }));
}

/** Only the stages of some kinds, free of dependencies on the others. */
export function only(stages: readonly Stage[], ...kinds: readonly Stage['kind'][]): Stage[] {
  const kept = stages.filter(({ kind }) => kinds.includes(kind));
  const names = new Set(kept.map(({ name }) => name));
  return kept.map((stage) => ({ ...stage, dependsOn: stage.dependsOn.filter((name) => names.has(name)) }));
}

/**
 * A stage that reads given files instead of what a stage before it made. Its digest covers their content.
 *
 * @param files absolute paths
 */
export async function readingFrom<S extends Stage>(
  stage: S,
  files: readonly string[],
  change: (paths: string[]) => Partial<S['params']>,
): Promise<S> {
  const prints = await Promise.all(files.map(fingerprint));
  const digest = `sha256:${createHash('sha256')
    .update(JSON.stringify([stage.digest, prints]))
    .digest('hex')}`;
  const paths = files.map((file) => relative(stage.runDir, file));
  return { ...stage, digest, dependsOn: [], params: { ...stage.params, ...change(paths) } };
}

/** The one trial of `cft train`, under plain names: `train/model`, `stages/train`. */
export function plainlyNamed(stage: TrainStage): TrainStage {
  return { ...stage, name: 'train', params: { ...stage.params, output: 'train' } };
}

/** What a manifest needs and options leave out. */
function skeleton(given: Given): object {
  const source = typeof given.data === 'string' ? given.data : '-';
  return {
    apiVersion: API_VERSION,
    kind: KIND,
    metadata: { name: 'cft' },
    spec: {
      model: {},
      data: { train: { source } },
      verifier: { type: 'math' },
      training: { variants: [{ name: 'trial', objective: 'critical' }] },
      evaluation: { datasets: [{ name: labelFrom(source), source }] },
    },
  };
}

function labelFrom(path: string): string {
  const words = basename(path)
    .replace(/\..*$/, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-');
  return words.slice(0, 40).replace(/^-+|-+$/g, '') || 'data';
}

function missingOptions(command: string, missing: readonly Flag[]): CftError {
  return new CftError(
    'InvalidArgument',
    `${missing.map(({ flags }) => flags).join(', ')} ${missing.length === 1 ? 'is' : 'are'} missing`,
    {
      where: `cft ${command}`,
      hint: `\`cft ${command} --help\` tells every option`,
    },
  );
}

function wrongOptions(command: string, problems: readonly Problem[], flags: readonly Flag[]): CftError {
  const lines = problems.map(({ keys, path, message }) => {
    const flag = flagOf(keys, flags);
    return `${flag === undefined ? path : flagName(flag)}: ${message}`;
  });
  return new CftError('InvalidArgument', [...new Set(lines)].join('\n  '), {
    where: `cft ${command}`,
    value: problems,
    hint: `\`cft ${command} --help\` tells every option`,
  });
}
