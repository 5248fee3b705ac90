import { basename, join } from 'node:path';
import type { ReportParams } from '../../crds/stage.ts';
import { bestTrials } from '../../crds/trials.ts';
import type { LogPoint, Trial } from './data.ts';
import { records } from './files.ts';
import { type StageRecord, TrainLogRecord } from './records.ts';

/** A trial from its log and result; undefined when it has left neither. */
export async function readTrial(
  runDir: string,
  place: ReportParams['trials'][number],
  stage: StageRecord | undefined,
  method: string | undefined,
): Promise<Trial | undefined> {
  const directory = join(runDir, place.path);
  const log: LogPoint[] = [];
  for await (const { value } of records(join(directory, 'log.jsonl'), TrainLogRecord)) log.push(toPoint(value));
  if (log.length === 0 && stage === undefined) return undefined;
  const metric = (name: string) => stage?.metrics[name] ?? undefined;
  return {
    name: basename(place.path),
    variant: place.variant,
    objective: place.objective,
    method,
    learningRate: place.learningRate,
    seed: place.seed,
    chosen: false,
    finished: stage?.status === 'succeeded',
    log,
    steps: metric('steps') ?? log.at(-1)?.step,
    bestStep: metric('bestStep'),
    validationAccuracy: metric('validationAccuracy'),
    validationLoss: metric('validationLoss'),
    validationEntropy: metric('validationEntropy'),
    tokensTrained: metric('tokensTrained'),
    skippedSteps: metric('skippedSteps'),
  };
}

/** The trials with those marked that stand for their variant: for each seed the one with the best validation result. */
export function markChosen(trials: readonly Trial[]): Trial[] {
  const groups = Map.groupBy(trials, (trial) => trial.variant);
  const chosen = new Set(
    [...groups.values()].flatMap((group) =>
      bestTrials(
        group.flatMap((trial) =>
          trial.validationAccuracy === undefined
            ? []
            : {
                trial,
                learningRate: trial.learningRate ?? 0,
                seed: trial.seed ?? 0,
                accuracy: trial.validationAccuracy,
                loss: trial.validationLoss ?? Number.POSITIVE_INFINITY,
              },
        ),
      ).map(({ trial }) => trial),
    ),
  );
  const only = new Set([...groups.values()].flatMap((group) => (group.length === 1 ? group : [])));
  return trials.map((trial) => ({ ...trial, chosen: chosen.has(trial) || only.has(trial) }));
}

function toPoint({ step, loss, learningRate, validation }: TrainLogRecord): LogPoint {
  return {
    step,
    loss: loss ?? undefined,
    learningRate: learningRate ?? undefined,
    validation: validation
      ? {
          accuracy: validation.accuracy ?? undefined,
          loss: validation.loss ?? undefined,
          entropy: validation.entropy ?? undefined,
        }
      : undefined,
  };
}
