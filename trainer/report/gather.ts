import { join } from 'node:path';
import type { ReportParams } from '../../crds/stage.ts';
import { type CriticalityTally, tallyCriticality } from './criticality.ts';
import type { AnnotatedResponse, Criterion, Generated, ReportData, RunFacts, StageFacts } from './data.ts';
import { readEvaluations } from './evaluations.ts';
import { type Candidate, chooseExamples, toExample } from './examples.ts';
import { check, lines, names, readJson, records } from './files.ts';
import { AnnotationRecord, GenerateRecord, RunRecord, StageRecord } from './records.ts';
import { markChosen, readTrial } from './trials.ts';
import { type StageWarning, warningsOf } from './warnings.ts';

export interface GatherOptions {
  readonly now: () => Date;
  readonly versions: RunFacts['versions'];
  /** Awaited between pieces of work; throws when the report should stop. */
  readonly pause?: () => Promise<void>;
}

/**
 * Reads everything that a report says from a run directory. Each part may be missing: a run that was only annotated makes a report, as
 * does one that was only evaluated.
 *
 * @param params what there is to read, from the run's plan or from `planOf`
 * @throws CftError CorruptFile, with file and line, for a file that is there but cannot be read as what it should be
 */
export async function gatherReport(
  runDir: string,
  params: Omit<ReportParams, 'output'>,
  options: GatherOptions,
): Promise<ReportData> {
  const run = await readJson(join(runDir, 'run.json'), RunRecord);
  const { criterion } = params;
  const stages = await readStages(runDir);
  const methods = new Map(run?.spec.training?.variants?.map(({ name, method }) => [name, method]));
  const read = await Promise.all(
    params.trials.map((place) => readTrial(runDir, place, stageOf(stages, place.stage), methods.get(place.variant))),
  );
  const trials = markChosen(read.filter((trial) => trial !== undefined));
  await options.pause?.();
  const results = await readEvaluations(
    params.evaluations.map(({ stage, target, path }) => ({
      target,
      directory: join(runDir, path),
      stage: stageOf(stages, stage),
    })),
    trials,
    run?.spec.evaluation?.datasets?.map(({ name }) => name) ?? [],
  );
  const { criticality, examples } = await readAnnotations(runDir, params.annotations, criterion, options.pause);
  const facts = {
    run: {
      name: run?.metadata.name ?? nameOf(runDir),
      model: run?.spec.model?.source,
      data: datasetsOf(run),
      criterion,
      verifier: run?.spec.verifier?.type,
      stages: stages.map(toFacts),
      generated: await readGenerated(runDir, options.pause),
      versions: options.versions,
      reportedAt: options.now().toISOString(),
    },
    results,
    trials,
    criticality: criticality.result(),
    examples,
  };
  return { ...facts, warnings: warningsOf(facts, stages.flatMap(warningsFrom)) };
}

interface StageFound {
  readonly name: string;
  readonly result: StageRecord | undefined;
}

/** In the order in which they ran. */
async function readStages(runDir: string): Promise<StageFound[]> {
  // An earlier report is no part of what this one is about.
  const found = await Promise.all(
    (await names(join(runDir, 'stages')))
      .filter((name) => name !== 'report')
      .map(async (name) => ({
        name,
        result: await readJson(join(runDir, 'stages', name, 'result.json'), StageRecord),
      })),
  );
  const start = ({ result }: StageFound) => result?.startTime ?? '~';
  return found.sort((a, b) => (start(a) < start(b) ? -1 : start(a) > start(b) ? 1 : 0));
}

function stageOf(stages: readonly StageFound[], name: string | undefined): StageRecord | undefined {
  return stages.find((stage) => stage.name === name)?.result;
}

function toFacts({ name, result }: StageFound): StageFacts {
  const { startTime, completionTime } = result ?? {};
  const seconds =
    startTime === undefined || completionTime === undefined
      ? undefined
      : (Date.parse(completionTime) - Date.parse(startTime)) / 1000;
  return {
    name,
    kind: result?.kind ?? name.split('-')[0] ?? name,
    state: result?.status ?? 'unfinished',
    startedAt: startTime,
    seconds: seconds !== undefined && Number.isFinite(seconds) ? seconds : undefined,
  };
}

function warningsFrom({ name, result }: StageFound): StageWarning[] {
  if (result === undefined) return [];
  const { status, warnings, message } = result;
  // A stage that succeeded has nothing to say but warnings.
  const lines = status === 'succeeded' && warnings.length === 0 ? (message ?? '').split('\n').filter(Boolean) : [];
  const said = [...warnings, ...lines.map((line) => ({ reason: 'StageWarning', message: line }))];
  return said.map((warning) => ({ stage: name, kind: result.kind, reason: warning.reason, message: warning.message }));
}

function datasetsOf(run: RunRecord | undefined): RunFacts['data'] {
  const train = run?.spec.data?.train.source;
  const sets = run?.spec.evaluation?.datasets ?? [];
  return [
    ...(train === undefined ? [] : [{ role: 'Trained on', source: train }]),
    ...sets.map(({ source }) => ({ role: 'Evaluated on', source })),
  ];
}

async function readGenerated(runDir: string, pause: GatherOptions['pause']): Promise<Generated | undefined> {
  const found = { questions: 0, correct: 0, cut: 0 };
  for (const name of (await names(join(runDir, 'generate'))).filter((file) => file.endsWith('.jsonl'))) {
    for await (const { value } of records(join(runDir, 'generate', name), GenerateRecord)) {
      found.questions++;
      if (value.correct) found.correct++;
      if (value.finish === 'length') found.cut++;
    }
    await pause?.();
  }
  return found.questions === 0 ? undefined : found;
}

/** One pass adds everything up and notes where the responses are; a second one reads the few that are shown. */
async function readAnnotations(
  runDir: string,
  files: readonly string[],
  criterion: Criterion,
  pause: GatherOptions['pause'],
): Promise<{ criticality: CriticalityTally; examples: AnnotatedResponse[] }> {
  const criticality = tallyCriticality(criterion);
  const candidates: Candidate[] = [];
  for (const file of files) {
    for await (const { line, value } of records(join(runDir, file), AnnotationRecord)) {
      if (value.tokens.length === 0) continue;
      criticality.add(value);
      const critical = value.masks[criterion].reduce<number>((sum, one) => sum + one, 0);
      candidates.push({ file, line, ratio: critical / value.tokens.length, tokens: value.tokens.length });
      if (candidates.length % 256 === 0) await pause?.();
    }
  }
  const examples = new Map<Candidate, AnnotatedResponse>();
  const chosen = chooseExamples(candidates);
  for (const [file, wanted] of Map.groupBy(chosen, (candidate) => candidate.file)) {
    const byLine = new Map(wanted.map((candidate) => [candidate.line, candidate]));
    for await (const { number, text } of lines(join(runDir, file))) {
      const candidate = byLine.get(number);
      if (candidate === undefined) continue;
      examples.set(candidate, toExample(check(AnnotationRecord, JSON.parse(text), `${file}:${number}`), criterion));
    }
  }
  return { criticality, examples: chosen.flatMap((candidate) => examples.get(candidate) ?? []) };
}

function nameOf(runDir: string): string {
  return runDir.split('/').findLast((part) => part !== '') ?? 'run';
}
