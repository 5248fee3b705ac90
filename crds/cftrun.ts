/**
 * CftRun, the custom resource: schema, types, defaults and rules. Everything else in the contract is derived from it.
 */
import { z } from 'zod';
import { DataSpec, ModelSpec } from './spec/data.ts';
import { EvaluationSpec } from './spec/evaluation.ts';
import { ObjectMeta } from './spec/metadata.ts';
import { PodsSpec, runPolicyShape } from './spec/pods.ts';
import { AnnotateSpec, GenerateSpec } from './spec/rollout.ts';
import { CftRunStatus } from './spec/status.ts';
import { StorageSpec } from './spec/storage.ts';
import { TrainingSpec } from './spec/training.ts';
import { VerifierSpec } from './spec/verifier.ts';

export const GROUP = 'cft.dev';
export const VERSION = 'v1alpha1';
export const API_VERSION = 'cft.dev/v1alpha1';
export const KIND = 'CftRun';

export const CftRunSpec = z
  .strictObject({
    model: ModelSpec,
    data: DataSpec,
    verifier: VerifierSpec,
    generate: GenerateSpec.prefault({}),
    annotate: AnnotateSpec.prefault({}),
    training: TrainingSpec.prefault({}),
    evaluation: EvaluationSpec,
    storage: StorageSpec.optional(),
    pods: PodsSpec.prefault({}),
    ...runPolicyShape,
  })
  .describe(
    'Desired state: this model, this data, this verifier, this budget. What the stages are made of is fixed once the first has started; pods, suspend, backoffLimit and the time limits may change.',
  );

export const CftRun = z
  .strictObject({
    apiVersion: z.literal(API_VERSION).describe('Version of this schema.'),
    kind: z.literal(KIND).describe('Kind of the object.'),
    metadata: ObjectMeta,
    spec: CftRunSpec,
    status: CftRunStatus.optional(),
  })
  .describe('A Critical Token Fine-tuning run: generate, annotate, train, evaluate, report.');

/** A CftRun with its defaults filled in. */
export type CftRun = z.output<typeof CftRun>;
/** A CftRun as its author writes it. */
export type CftRunInput = z.input<typeof CftRun>;
export type CftRunSpec = z.output<typeof CftRunSpec>;

export type { DataSpec, DatasetSpec, EvaluationDataset, FieldNames, ModelSpec } from './spec/data.ts';
export type { EvaluationSpec } from './spec/evaluation.ts';
export type { ObjectMeta } from './spec/metadata.ts';
export type { PodsSpec, Resources } from './spec/pods.ts';
export type { Precision } from './spec/precision.ts';
export type { AnnotateMode, AnnotateSpec, Criterion, GenerateSpec } from './spec/rollout.ts';
export type { CftRunStatus, Condition, StagePhase } from './spec/status.ts';
export type { ClaimTemplate, StorageSpec } from './spec/storage.ts';
export type {
  AdamSpec,
  LoraSpec,
  LossNormalization,
  Objective,
  TrainingSpec,
  TrainingVariant,
  ValidationSpec,
} from './spec/training.ts';
export type { HttpVerifierSpec, RegexVerifierSpec, VerifierSpec } from './spec/verifier.ts';
