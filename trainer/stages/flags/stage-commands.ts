import { existsSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { CftError } from '../../../crds/errors.ts';
import { parseCftRun } from '../../../crds/parse.ts';
import type { AnnotateStage, ReportStage, Stage, StageKind, TrainStage } from '../../../crds/stage.ts';
import { planStages } from '../../../crds/stages.ts';
import { annotationFiles } from '../../annotate/files.ts';
import { stageDirectory } from '../run-stage.ts';
import { readStage } from '../stage-file.ts';
import type { Flag } from './flag.ts';
import { type Given, only, type Place, plainlyNamed, planFromFlags, readingFrom } from './plan.ts';
import { ANNOTATE_FLAGS, EVALUATE_FLAGS, GENERATE_FLAGS, TRAIN_FLAGS } from './tables.ts';

/** A command that does one kind of stage. */
export interface StageCommand {
  readonly kind: StageKind;
  readonly summary: string;
  readonly flags: readonly Flag[];
  /** Options that are no fields of a manifest: as commander writes them, with their help. */
  readonly own: readonly (readonly [flags: string, help: string])[];
  /** The stages that the options ask for, in order. */
  plan(given: Given, place: Place): Promise<Stage[]>;
}

const OUT: StageCommand['own'] = [
  ['--out <dir>', 'run directory to work in; started again, it goes on there (required)'],
  ['--fresh', 'replace what is there from other settings'],
];

export const STAGE_COMMANDS: readonly StageCommand[] = [
  {
    kind: 'generate',
    summary: 'responses of a model to the questions of a data set, or to one prompt',
    flags: GENERATE_FLAGS,
    own: [
      ['--prompt <text>', 'continue this text, instead of a data set'],
      ['--input-ids <ids>', 'continue these token ids (1,2,3), instead of a data set'],
      ['--logprobs <k>', 'with a prompt: the k most likely tokens at each step'],
      ...OUT,
    ],
    plan: async (given, place) => only(await planFromFlags('generate', GENERATE_FLAGS, given, place), 'generate'),
  },
  {
    kind: 'annotate',
    summary: 'which tokens of correct responses are critical',
    flags: ANNOTATE_FLAGS,
    own: OUT,
    plan: planAnnotation,
  },
  {
    kind: 'train',
    summary: 'fine-tune on the critical tokens, or on others to compare',
    flags: TRAIN_FLAGS,
    own: [['--annotations <paths...>', 'annotation files, or directories of them (required)'], ...OUT],
    plan: planTraining,
  },
  {
    kind: 'evaluate',
    summary: 'accuracy, pass@k and token entropy on a data set',
    flags: EVALUATE_FLAGS,
    own: OUT,
    plan: async (given, place) => {
      const stages = only(await planFromFlags('evaluate', EVALUATE_FLAGS, given, place), 'evaluate');
      // Nothing was trained: there is nothing to compare the questions with.
      return stages.flatMap((stage) => {
        if (stage.kind !== 'evaluate' || stage.params.target !== 'base') return [];
        const { trainingData: _, ...params } = stage.params;
        return [{ ...stage, params }];
      });
    },
  },
  {
    kind: 'report',
    summary: 'one HTML page about a run',
    flags: [],
    own: [['--run <dir>', 'the run directory (required)']],
    plan: planReport,
  },
];

/** A data set is generated for first; the output of `cft generate` is taken as it is. */
async function planAnnotation(given: Given, place: Place): Promise<Stage[]> {
  const stages = only(await planFromFlags('annotate', ANNOTATE_FLAGS, given, place), 'generate', 'annotate');
  const data = resolve(place.cwd, String(given.data));
  if (!(await holdsResponses(data))) return stages;
  const annotate = stages.find((stage): stage is AnnotateStage => stage.kind === 'annotate');
  if (annotate === undefined) return [];
  return [await readingFrom(annotate, [data], ([input]) => ({ input: input ?? '' }))];
}

/** Without a data set to validate on, the annotated questions stand in for it, with none of them kept out unless that is asked for. */
async function planTraining(given: Given, place: Place): Promise<Stage[]> {
  const paths = (given.annotations as readonly string[] | undefined) ?? [];
  const files = (await Promise.all(paths.map((path) => annotationFiles(resolve(place.cwd, path))))).flat();
  const [first] = files;
  if (first === undefined) {
    throw new CftError('InvalidArgument', '--annotations <paths...> is missing', {
      where: 'cft train',
      hint: 'pass what `cft annotate --out DIR` has written: DIR/annotations',
    });
  }
  const instead = { data: first, promptTemplate: '{prompt}', validationFraction: '0' };
  const stages = await planFromFlags(
    'train',
    TRAIN_FLAGS,
    given.data === undefined ? { ...instead, ...given } : given,
    place,
  );
  const trial = stages.find((stage): stage is TrainStage => stage.kind === 'train');
  if (trial === undefined) throw new CftError('Internal', 'the options plan no trial', { where: 'cft train' });
  return [await readingFrom(plainlyNamed(trial), files, (inputs) => ({ inputs }))];
}

/** The report stage that a run directory was made with, or else the one that its run.json asks for. */
async function planReport(given: Given): Promise<Stage[]> {
  if (typeof given.run !== 'string') {
    throw new CftError('InvalidArgument', '--run <dir> is missing', {
      where: 'cft report',
      hint: 'pass the directory that `cft run` worked in',
    });
  }
  const runDir = resolve(given.run);
  const file = join(stageDirectory({ runDir, name: 'report' }), 'stage.json');
  const stage = existsSync(file) ? await readStage(file) : await plannedReport(runDir);
  return [{ ...stage, runDir } as ReportStage];
}

async function plannedReport(runDir: string): Promise<Stage> {
  const file = join(runDir, 'run.json');
  const text = await readWhole(file);
  const stages = planStages(parseCftRun(text, file), { manifestDir: runDir, runDir });
  const report = stages.find(({ kind }) => kind === 'report');
  if (report === undefined) throw new CftError('Internal', 'the run has no report stage', { where: file });
  return report;
}

async function readWhole(path: string): Promise<string> {
  const file = await open(path).catch((cause: unknown) => {
    throw new CftError('FileNotFound', 'not a run directory: it has no run.json', {
      where: path,
      hint: 'pass the directory that `cft run` worked in',
      cause,
    });
  });
  try {
    return await file.readFile('utf8');
  } finally {
    await file.close();
  }
}

/** Whether a JSONL file is the output of `cft generate`: responses as token ids, with their verdict. */
async function holdsResponses(path: string): Promise<boolean> {
  const file = await open(path).catch(() => undefined);
  if (file === undefined) return false;
  try {
    for await (const line of file.readLines({ autoClose: false })) {
      const value: unknown = parsed(line);
      return (
        typeof value === 'object' &&
        value !== null &&
        ['promptIds', 'responseIds', 'correct'].every((key) => key in value)
      );
    }
    return false;
  } finally {
    await file.close();
  }
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
