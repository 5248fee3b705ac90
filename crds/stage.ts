/**
 * A stage: one unit of work, for one process or pod. The executor writes it as JSON, the trainer reads it with `--stage stage.json`.
 *
 * Paths named `source` are absolute, or addresses. Every other path in `params` is relative to `runDir`.
 * Directory of a stage's own files: `stages/<name>/` (stage.json, result.json, log.jsonl).
 */
import { z } from 'zod';
import { API_VERSION } from './cftrun.ts';
import { DatasetSpec, EvaluationDataset, ModelSpec } from './spec/data.ts';
import { between, count, positive, text } from './spec/fields.ts';
import { Precision } from './spec/precision.ts';
import { AnnotateMode, Criterion, SavingsSpec, TransferSpec } from './spec/rollout.ts';
import { AdamSpec, LoraSpec, LossNormalization, Objective } from './spec/training.ts';
import { VerifierSpec } from './spec/verifier.ts';

const RunPath = text(1024);

/** Of the examples numbered from 0, a shard has those with number % count == index. */
const Shard = z.strictObject({ index: count(0), count: count() });

const common = {
  apiVersion: z.literal(API_VERSION),
  /** DNS-1123 label, unique in the run, the same for the same manifest. */
  name: text(63),
  runName: text(63),
  /** Absolute path of the run's directory. */
  runDir: text(4096),
  /** Names of the stages that must have succeeded before. */
  dependsOn: z.array(text(63)),
  /** Over the parameters and the digests of the stages it depends on: another digest, another result. */
  digest: text(128),
};

const split = { data: DatasetSpec, validationFraction: between(0, 0.5) };

export const GenerateParams = z.strictObject({
  model: ModelSpec,
  ...split,
  verifier: VerifierSpec,
  maxNewTokens: count(),
  batchSize: count(),
  /** Where responses come from, for the questions that have one there. */
  transfer: TransferSpec.optional(),
  /** Of this shard. */
  maxSamples: count(0).optional(),
  shard: Shard,
  /** JSONL: every question of the shard that is not in the validation split, in order, with its response and verdict. */
  output: RunPath,
});

export const AnnotateParams = z.strictObject({
  model: ModelSpec,
  verifier: VerifierSpec,
  criterion: Criterion,
  mode: AnnotateMode,
  /** Where the masks come from, instead of rollouts. */
  transfer: TransferSpec.optional(),
  /** Budget of a response: a rollout may grow to the same length. */
  maxNewTokens: count(),
  batchSize: count(),
  /** In logits: choices that are closer are made again by the definition. */
  recheckMargin: between(0, 100),
  savings: SavingsSpec,
  /** Of this shard. */
  maxSamples: count(0).optional(),
  shard: Shard,
  /** The output of the shard's generate stage; the correct ones are annotated. */
  input: RunPath,
  output: RunPath,
});

export const TrainParams = z.strictObject({
  /** Where the model was fetched, `address` is where from: an adapter names that as its base. */
  model: ModelSpec.extend({ address: text(1024).optional() }),
  ...split,
  verifier: VerifierSpec,
  /** Name of the variant in the manifest. */
  variant: text(63),
  objective: Objective,
  /** Which mask of the annotations is trained on, for objectives critical and random. */
  criterion: Criterion,
  method: z.enum(['full', 'lora']),
  /** Set if and only if method is lora. */
  lora: LoraSpec.optional(),
  epochs: count(),
  batchSize: count(),
  gradientAccumulationSteps: count(),
  gradientCheckpointing: z.boolean(),
  packing: z.boolean(),
  learningRate: positive(1),
  warmupRatio: between(0, 1),
  weightDecay: between(0, 10),
  maxGradNorm: between(0, 1e6),
  adam: AdamSpec,
  seed: count(0),
  precision: Precision,
  lossNormalization: LossNormalization,
  evaluationsPerEpoch: count(0),
  checkpointEverySteps: count(),
  /** Greedy accuracy on the validation split: the best checkpoint is kept, ties go to the lower loss. */
  validation: z.strictObject({ maxSamples: count(), batchSize: count(), maxNewTokens: count() }),
  /** Annotation files of all shards. */
  inputs: z.array(RunPath),
  /** Directory of the trial: model/ or adapter/, checkpoint/, log.jsonl, result.json. */
  output: RunPath,
});

/** One trial that may be a variant's best. Its result.json says how it did on the validation split. */
const Candidate = z.strictObject({ stage: text(63), path: RunPath, learningRate: positive(1), seed: count(0) });

export const EvaluateParams = z.strictObject({
  model: ModelSpec,
  /** `base`, or the name of a variant. */
  target: text(63),
  method: z.enum(['full', 'lora']).optional(),
  /**
   * Empty for the base model. Otherwise the variant's trials: for each seed the learning rate with the best validation result
   * (accuracy, ties: lower loss, then lower learning rate) is evaluated, and the results are the mean over the seeds.
   */
  candidates: z.array(Candidate),
  verifier: VerifierSpec,
  datasets: z.array(EvaluationDataset).min(1),
  /** Given to one evaluation of a run, which warns where its questions are in the training data. */
  trainingData: DatasetSpec.optional(),
  samples: count(0),
  temperature: between(0.01, 10),
  k: z.array(count()),
  seed: count(0),
  maxNewTokens: count(),
  batchSize: count(),
  maxSamples: count().optional(),
  /** Directory: samples and result. */
  output: RunPath,
});

export const ReportParams = z.strictObject({
  annotations: z.array(RunPath),
  criterion: Criterion,
  trials: z.array(
    z.strictObject({
      stage: text(63),
      variant: text(63),
      objective: Objective,
      learningRate: positive(1),
      seed: count(0),
      path: RunPath,
    }),
  ),
  evaluations: z.array(z.strictObject({ stage: text(63), target: text(63), path: RunPath })),
  /** s3:// or hf:// address that the run is copied to when the report is made. */
  export: text(2048).optional(),
  /** Directory: index.html, report.json. */
  output: RunPath,
});

export const GenerateStage = z.strictObject({ ...common, kind: z.literal('generate'), params: GenerateParams });
export const AnnotateStage = z.strictObject({ ...common, kind: z.literal('annotate'), params: AnnotateParams });
export const TrainStage = z.strictObject({ ...common, kind: z.literal('train'), params: TrainParams });
export const EvaluateStage = z.strictObject({ ...common, kind: z.literal('evaluate'), params: EvaluateParams });
export const ReportStage = z.strictObject({ ...common, kind: z.literal('report'), params: ReportParams });

export const Stage = z.discriminatedUnion('kind', [
  GenerateStage,
  AnnotateStage,
  TrainStage,
  EvaluateStage,
  ReportStage,
]);

export const StageKind = z.enum(['generate', 'annotate', 'train', 'evaluate', 'report']);

/** What a stage leaves behind: result.json, and the termination message of its pod. At most 4 KiB as compact JSON. */
export const StageResult = z.strictObject({
  stage: text(63),
  kind: StageKind,
  /** The stage's own: a result with another digest belongs to another manifest. */
  digest: text(128),
  status: z.enum(['succeeded', 'failed']),
  startTime: z.iso.datetime(),
  completionTime: z.iso.datetime(),
  metrics: z.record(z.string(), z.number()),
  /** Name to path relative to the run's directory. */
  artifacts: z.record(z.string(), z.string()),
  /** Why it failed, where it did. */
  message: z.string().optional(),
  /** What the user should know although it succeeded, e.g. reason CriticalRatioLow. */
  warnings: z.array(z.strictObject({ reason: text(128), message: z.string() })).optional(),
});

export type GenerateParams = z.output<typeof GenerateParams>;
export type AnnotateParams = z.output<typeof AnnotateParams>;
export type TrainParams = z.output<typeof TrainParams>;
export type EvaluateParams = z.output<typeof EvaluateParams>;
export type ReportParams = z.output<typeof ReportParams>;
export type GenerateStage = z.output<typeof GenerateStage>;
export type AnnotateStage = z.output<typeof AnnotateStage>;
export type TrainStage = z.output<typeof TrainStage>;
export type EvaluateStage = z.output<typeof EvaluateStage>;
export type ReportStage = z.output<typeof ReportStage>;
export type Stage = z.output<typeof Stage>;
export type StageKind = z.output<typeof StageKind>;
export type StageResult = z.output<typeof StageResult>;
