import { API_VERSION, type CftRun, type TrainingVariant } from './cftrun.ts';
import { mapSources, resolveSource, sourceFromRun } from './source.ts';
import type { AnnotateStage, EvaluateStage, GenerateStage, ReportStage, Stage, TrainStage } from './stage.ts';
import { stageDigest } from './stage-digest.ts';
import { fiveDigits, labelOf, shardFile, trialName } from './stage-name.ts';

/** Where a run takes place: both absolute. */
export interface RunPlace {
  /** Folder that relative sources of the manifest start at. */
  readonly manifestDir: string;
  /** The run's directory. */
  readonly runDir: string;
}

type WithoutDigest<S extends Stage> = S extends Stage ? Omit<S, 'digest'> : never;
type Draft = WithoutDigest<Stage>;

/**
 * The stages of a run, each after those it depends on. The same run and place give the same stages.
 *
 *     generate-<shard> -> annotate-<shard> -> train-<trial>, one for each variant x learning rate x seed
 *     train-<trial> -> evaluate-<variant>, for each variant; evaluate-base depends on nothing
 *     everything -> report
 *
 * Generation takes the training part of the data, by `validationFraction`; training validates on the other part.
 */
export function planStages(run: CftRun, place: RunPlace): Stage[] {
  const generate = shards(run, (index) => generateStage(run, place, index));
  const annotate = shards(run, (index) => annotateStage(run, place, index));
  const train = run.spec.training.variants.flatMap((variant) => trials(run, place, variant));
  const evaluate = [
    evaluateStage(run, place, undefined, []),
    ...run.spec.training.variants.map((variant) =>
      evaluateStage(
        run,
        place,
        variant,
        train.filter((trial) => trial.params.variant === variant.name),
      ),
    ),
  ];
  return seal(
    [...generate, ...annotate, ...train, ...evaluate, reportStage(run, place, annotate, train, evaluate)],
    place,
  );
}

/** Digests in order: those of a stage's dependencies are known when its own is taken. Sources become absolute. */
function seal(drafts: readonly Draft[], place: RunPlace): Stage[] {
  const digests = new Map<string, string>();
  return drafts.map((draft) => {
    const params = mapSources(draft.params, (source) => resolveSource(source, place.manifestDir));
    const dependencies = draft.dependsOn.map((name) => digests.get(name) ?? '');
    const movable = mapSources(params, (source) => sourceFromRun(source, place.runDir));
    const digest = stageDigest(draft.kind, movable, dependencies);
    digests.set(draft.name, digest);
    return { ...draft, params, digest } as Stage;
  });
}

function shards<S>(run: CftRun, stage: (index: number) => S): S[] {
  return Array.from({ length: run.spec.annotate.shards }, (_, index) => stage(index));
}

function generateStage(run: CftRun, place: RunPlace, index: number): WithoutDigest<GenerateStage> {
  const { model, data, verifier, generate, annotate } = run.spec;
  const shard = { index, count: annotate.shards };
  return {
    ...head(run, place, generateName(index), []),
    kind: 'generate',
    params: {
      model,
      data: data.train,
      validationFraction: data.validationFraction,
      verifier,
      maxNewTokens: generate.maxNewTokens,
      batchSize: generate.batchSize,
      ...(annotate.transfer === undefined ? {} : { transfer: annotate.transfer }),
      ...share(generate.maxSamples, shard),
      shard,
      output: `generate/${shardFile(index, shard.count)}`,
    },
  };
}

function annotateStage(run: CftRun, place: RunPlace, index: number): WithoutDigest<AnnotateStage> {
  const { model, verifier, generate, annotate } = run.spec;
  const shard = { index, count: annotate.shards };
  return {
    ...head(run, place, annotateName(index), [generateName(index)]),
    kind: 'annotate',
    params: {
      model,
      verifier,
      criterion: annotate.criterion,
      mode: annotate.mode,
      ...(annotate.transfer === undefined ? {} : { transfer: annotate.transfer }),
      maxNewTokens: generate.maxNewTokens,
      batchSize: annotate.batchSize,
      recheckMargin: annotate.recheckMargin,
      savings: annotate.savings,
      ...share(annotate.maxSamples, shard),
      shard,
      input: `generate/${shardFile(index, shard.count)}`,
      output: `annotations/${shardFile(index, shard.count)}`,
    },
  };
}

function trials(run: CftRun, place: RunPlace, variant: TrainingVariant): WithoutDigest<TrainStage>[] {
  const { model, data, verifier, generate, annotate, training } = run.spec;
  const { name, learningRates, seeds, ...settings } = variant;
  const dependsOn = shards(run, annotateName);
  return learningRates.flatMap((learningRate) =>
    seeds.map((seed): WithoutDigest<TrainStage> => {
      const trial = trialName(name, learningRate, seed);
      return {
        ...head(run, place, `train-${trial}`, dependsOn),
        kind: 'train',
        params: {
          model,
          data: data.train,
          validationFraction: data.validationFraction,
          verifier,
          variant: name,
          criterion: annotate.criterion,
          ...settings,
          learningRate,
          seed,
          validation: { ...training.validation, maxNewTokens: generate.maxNewTokens },
          inputs: annotationFiles(run),
          output: `train/${trial}`,
        },
      };
    }),
  );
}

function evaluateStage(
  run: CftRun,
  place: RunPlace,
  variant: TrainingVariant | undefined,
  candidates: readonly WithoutDigest<TrainStage>[],
): WithoutDigest<EvaluateStage> {
  const { model, data, verifier, generate, evaluation } = run.spec;
  const target = variant?.name ?? 'base';
  return {
    ...head(
      run,
      place,
      labelOf(['evaluate', target]),
      candidates.map(({ name }) => name),
    ),
    kind: 'evaluate',
    params: {
      model,
      target,
      ...(variant === undefined ? { trainingData: data.train } : { method: variant.method }),
      candidates: candidates.map(({ name, params }) => ({
        stage: name,
        path: params.output,
        learningRate: params.learningRate,
        seed: params.seed,
      })),
      verifier,
      ...evaluation,
      maxNewTokens: evaluation.maxNewTokens ?? generate.maxNewTokens,
      output: `evaluate/${target}`,
    },
  };
}

function reportStage(
  run: CftRun,
  place: RunPlace,
  annotate: readonly WithoutDigest<AnnotateStage>[],
  train: readonly WithoutDigest<TrainStage>[],
  evaluate: readonly WithoutDigest<EvaluateStage>[],
): WithoutDigest<ReportStage> {
  return {
    ...head(
      run,
      place,
      'report',
      [...annotate, ...train, ...evaluate].map(({ name }) => name),
    ),
    kind: 'report',
    params: {
      annotations: annotationFiles(run),
      criterion: run.spec.annotate.criterion,
      trials: train.map(({ name, params }) => ({
        stage: name,
        variant: params.variant,
        objective: params.objective,
        learningRate: params.learningRate,
        seed: params.seed,
        path: params.output,
      })),
      ...(run.spec.storage?.export === undefined
        ? {}
        : { export: `${run.spec.storage.export.replace(/\/$/, '')}/${run.metadata.name}` }),
      evaluations: evaluate.map(({ name, params }) => ({ stage: name, target: params.target, path: params.output })),
      output: 'report',
    },
  };
}

function head(run: CftRun, place: RunPlace, name: string, dependsOn: string[]) {
  return { apiVersion: API_VERSION, name, runName: run.metadata.name, runDir: place.runDir, dependsOn } as const;
}

/** A shard's part of a limit on the whole: it takes the examples numbered index, index + count, ... below the limit. */
function share(maxSamples: number | undefined, shard: { index: number; count: number }): { maxSamples?: number } {
  if (maxSamples === undefined) return {};
  return { maxSamples: Math.max(0, Math.ceil((maxSamples - shard.index) / shard.count)) };
}

function annotationFiles(run: CftRun): string[] {
  return shards(run, (index) => `annotations/${shardFile(index, run.spec.annotate.shards)}`);
}

function generateName(index: number): string {
  return labelOf(['generate', fiveDigits(index)]);
}

function annotateName(index: number): string {
  return labelOf(['annotate', fiveDigits(index)]);
}
