import { z } from 'zod';
import { between, count, dnsLabel, listByKey, positive, setOf, text } from './fields.ts';
import { Precision } from './precision.ts';
import { type Rule, withRules } from './rule.ts';

export const Objective = z.enum(['critical', 'all', 'number', 'random']);
export const LossNormalization = z.enum(['step', 'per-sequence', 'all-tokens']);

export const LoraSpec = z
  .strictObject({
    rank: count(1, 1024).default(16).describe('Rank of the low-rank update.'),
    alpha: positive(65_536).default(32).describe('Scale of the update: it is multiplied with alpha / rank.'),
    dropout: between(0, 0.9).default(0).describe('Dropout on the input of the update during training.'),
    targetModules: setOf(text(128), 32)
      .min(1)
      .default(['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj'])
      .describe('Linear layers that get an update, by the last part of their name, as in PEFT.'),
  })
  .describe('Low-rank adaptation. Only with method lora.');

export const AdamSpec = z
  .strictObject({
    beta1: between(0, 0.9999).default(0.9).describe('Decay of the first moment.'),
    beta2: between(0, 0.99999).default(0.999).describe('Decay of the second moment.'),
    epsilon: positive(1).default(1e-8).describe('Term added to the denominator.'),
  })
  .describe('Moments of the AdamW optimizer.');

const variantShape = {
  name: dnsLabel(30).describe('Name of the variant in results, metrics and file names. Unique in the list.'),
  objective: Objective.describe(
    'Which response tokens are trained. critical: those that annotation found critical; all: every token (plain SFT); number: digits only; random: as many random tokens as there are critical ones (the control).',
  ),
  method: z
    .enum(['full', 'lora'])
    .default('full')
    .describe('full: every weight is trained. lora: low-rank updates are, and an adapter comes out.'),
  lora: LoraSpec.optional(),
  epochs: count(1, 1000).default(3).describe('Passes over the training data.'),
  batchSize: count(1, 4096).default(16).describe('Sequences in a micro-batch.'),
  gradientAccumulationSteps: count(1, 4096).default(1).describe('Micro-batches in an optimizer step.'),
  gradientCheckpointing: z
    .boolean()
    .default(false)
    .describe(
      'Compute each layer again on the way back instead of keeping what is in it: less memory for about a third more time.',
    ),
  packing: z
    .boolean()
    .default(false)
    .describe(
      'Put short sequences one behind the other instead of padding each to the longest. They do not see each other.',
    ),
  learningRates: setOf(positive(1), 16)
    .min(1)
    .default([1e-5])
    .describe('Peak learning rates to try. The best one is chosen on the validation split.'),
  warmupRatio: between(0, 1)
    .default(0.05)
    .describe('Part of the steps in which the learning rate rises linearly from 0; then it falls as a cosine to 0.'),
  weightDecay: between(0, 10).default(0).describe('Decoupled weight decay, of all parameters as in torch.optim.AdamW.'),
  maxGradNorm: between(0, 1e6)
    .default(1)
    .describe('The gradient is scaled down to this norm where it is larger. 0: never.'),
  adam: AdamSpec.prefault({}),
  seeds: setOf(count(0), 16)
    .min(1)
    .default([0])
    .describe('A trial is run for each seed; results are given as the mean over the seeds.'),
  precision: Precision.default('fp32').describe(
    'Number format of the matrix products. Weights and optimizer state are fp32 in any case. bf16 is faster where the device has units for it; a processor without them multiplies the rounded numbers in fp32.',
  ),
  lossNormalization: LossNormalization.default('step').describe(
    'What the summed loss is divided by. step: the weight of all trained tokens of the optimizer step; per-sequence: each sequence by its own weight first; all-tokens: all response tokens, trained or not.',
  ),
  evaluationsPerEpoch: count(0, 100)
    .default(1)
    .describe('Validations per epoch, evenly spaced; the best checkpoint is kept. 0: only at the end of training.'),
  checkpointEverySteps: count(1, 1_000_000)
    .default(50)
    .describe('Optimizer steps between two checkpoints from which a killed trial goes on.'),
};

const variantRules: readonly Rule<{ name: string; method: 'full' | 'lora'; lora?: unknown }>[] = [
  {
    cel: "self.name != 'base'",
    message: 'base is the name of the model before training',
    field: 'name',
    reads: ['name'],
    test: (self) => self.name !== 'base',
  },
  {
    cel: "self.method == 'lora' || !has(self.lora)",
    message: 'lora needs method: lora',
    field: 'lora',
    reads: ['method', 'lora'],
    test: (self) => self.method === 'lora' || self.lora === undefined,
  },
];

export const TrainingVariant = withRules(z.strictObject(variantShape), variantRules)
  .transform((variant) =>
    variant.method === 'lora' && variant.lora === undefined ? { ...variant, lora: LoraSpec.parse({}) } : variant,
  )
  .describe('One way to train; it is tried with each learning rate and seed.');

export const ValidationSpec = z
  .strictObject({
    maxSamples: count().default(256).describe('Validate on the first so many examples of the validation split.'),
    batchSize: count(1, 4096).default(64).describe('Responses decoded at the same time.'),
  })
  .describe('Greedy accuracy on the validation split, by which checkpoints and learning rates are chosen.');

export const TrainingSpec = z
  .strictObject({
    variants: listByKey(TrainingVariant, 'name', 16)
      .min(1)
      .prefault([
        { name: 'sft', objective: 'all' },
        { name: 'cft', objective: 'critical' },
      ])
      .describe(
        'Ways to train that are compared with each other and with the base model. Default: sft (objective all) and cft (objective critical).',
      ),
    validation: ValidationSpec.prefault({}),
  })
  .describe('Fine-tuning on the kept responses.');

export type Objective = z.output<typeof Objective>;
export type LossNormalization = z.output<typeof LossNormalization>;
export type LoraSpec = z.output<typeof LoraSpec>;
export type AdamSpec = z.output<typeof AdamSpec>;
export type TrainingVariant = z.output<typeof TrainingVariant>;
export type ValidationSpec = z.output<typeof ValidationSpec>;
export type TrainingSpec = z.output<typeof TrainingSpec>;
