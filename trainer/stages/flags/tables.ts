import type { Flag } from './flag.ts';

type Path = readonly (string | number)[];

/** The fields that say how a data set's columns become prompt and answer. */
function dataset(path: Path): Flag[] {
  const fields = [...path, 'fields'];
  return [
    {
      flags: '--data <source>',
      help: 'data set: a file, a directory, hf://owner/name or s3://bucket/key',
      path: [...path, 'source'],
      as: 'text',
      required: true,
    },
    {
      flags: '--preset <name>',
      help: 'benchmark whose columns are known, such as gsm8k',
      path: [...path, 'preset'],
      as: 'text',
    },
    { flags: '--split <name>', help: 'split of a data set directory', path: [...path, 'split'], as: 'text' },
    { flags: '--config <name>', help: 'configuration of a data set directory', path: [...path, 'config'], as: 'text' },
    {
      flags: '--question-field <name>',
      help: 'column of the question (default: question)',
      path: [...fields, 'question'],
      as: 'text',
    },
    {
      flags: '--answer-field <name>',
      help: 'column of the reference answer (default: answer)',
      path: [...fields, 'answer'],
      as: 'text',
    },
    { flags: '--id-field <name>', help: 'column of a unique id', path: [...fields, 'id'], as: 'text' },
    {
      flags: '--prompt-template <text>',
      help: 'prompt with {column} placeholders',
      path: [...path, 'promptTemplate'],
      as: 'text',
    },
    { flags: '--chat', help: "put the prompt into the model's chat template", path: [...path, 'chat'], as: 'flag' },
    {
      flags: '--system-prompt <text>',
      help: 'system message, with --chat',
      path: [...path, 'systemPrompt'],
      as: 'text',
    },
  ];
}

const MODEL: Flag = {
  flags: '--model <source>',
  help: 'model directory in Hugging Face layout, hf://owner/name or s3://bucket/prefix',
  path: ['spec', 'model', 'source'],
  as: 'text',
  required: true,
};

const precision: Flag = {
  flags: '--precision <name>',
  help: 'fp32 or bf16: number format of the matrix products',
  path: ['spec', 'model', 'precision'],
  as: 'text',
};

const verifier: readonly Flag[] = [
  {
    flags: '--verifier <type>',
    help: 'math, choice, exact, regex or http (default: math)',
    path: ['spec', 'verifier', 'type'],
    as: 'text',
  },
  {
    flags: '--choices <labels>',
    help: 'labels of the choices, for choice',
    path: ['spec', 'verifier', 'choices'],
    as: 'texts',
  },
  { flags: '--ignore-case', help: 'for exact', path: ['spec', 'verifier', 'ignoreCase'], as: 'flag' },
  { flags: '--verifier-url <url>', help: 'for http', path: ['spec', 'verifier', 'url'], as: 'text' },
  { flags: '--pattern <regex>', help: 'for regex', path: ['spec', 'verifier', 'pattern'], as: 'text' },
];

const TRAIN_DATA: Path = ['spec', 'data', 'train'];
const VARIANT: Path = ['spec', 'training', 'variants', 0];

const responseField: Flag = {
  flags: '--response-field <name>',
  help: 'column of a ready-made response, instead of generating one',
  path: [...TRAIN_DATA, 'fields', 'response'],
  as: 'text',
};

const maxNewTokens: Flag = {
  flags: '--max-new-tokens <n>',
  help: 'longest response in tokens',
  path: ['spec', 'generate', 'maxNewTokens'],
  as: 'number',
};

/** Options of `cft generate` with a data set. */
export const GENERATE_FLAGS: readonly Flag[] = [
  MODEL,
  precision,
  ...dataset(TRAIN_DATA),
  responseField,
  ...verifier,
  maxNewTokens,
  {
    flags: '--batch-size <n>',
    help: 'responses decoded at the same time',
    path: ['spec', 'generate', 'batchSize'],
    as: 'number',
  },
  {
    flags: '--max-samples <n>',
    help: 'only the first n questions',
    path: ['spec', 'generate', 'maxSamples'],
    as: 'number',
  },
];

/** Options of `cft annotate`. */
export const ANNOTATE_FLAGS: readonly Flag[] = [
  MODEL,
  precision,
  ...dataset(TRAIN_DATA),
  responseField,
  ...verifier,
  maxNewTokens,
  {
    flags: '--mode <mode>',
    help: 'batched, or sequential: the plain definition, slow',
    path: ['spec', 'annotate', 'mode'],
    as: 'text',
  },
  { flags: '--criterion <name>', help: 'strict-2 or strict-3', path: ['spec', 'annotate', 'criterion'], as: 'text' },
  {
    flags: '--batch-size <n>',
    help: 'rollouts decoded at the same time',
    path: ['spec', 'annotate', 'batchSize'],
    as: 'number',
  },
  {
    flags: '--recheck-margin <x>',
    help: 'decide choices that are closer, in logits, as sequential mode does',
    path: ['spec', 'annotate', 'recheckMargin'],
    as: 'number',
  },
  {
    flags: '--draft-tokens <n>',
    help: 'guess n tokens of the response at each step; pays for small models',
    path: ['spec', 'annotate', 'savings', 'draftTokens'],
    as: 'number',
  },
  {
    flags: '--max-samples <n>',
    help: 'annotate at most n kept responses',
    path: ['spec', 'annotate', 'maxSamples'],
    as: 'number',
  },
];

/** Options of `cft train`: one trial, so one learning rate and one seed. */
const VALIDATION_DATA =
  'data set whose kept-out part is validated on; without it the last weights are kept, not the best';

export const TRAIN_FLAGS: readonly Flag[] = [
  MODEL,
  ...dataset(TRAIN_DATA).map((flag) => (flag.required ? { ...flag, help: VALIDATION_DATA, required: false } : flag)),
  ...verifier,
  {
    flags: '--validation-fraction <x>',
    help: 'part of the data to validate on',
    path: ['spec', 'data', 'validationFraction'],
    as: 'number',
  },
  {
    flags: '--objective <name>',
    help: 'critical (CFT), all (SFT), number or random',
    path: [...VARIANT, 'objective'],
    as: 'text',
  },
  { flags: '--criterion <name>', help: 'strict-2 or strict-3', path: ['spec', 'annotate', 'criterion'], as: 'text' },
  { flags: '--method <name>', help: 'full or lora', path: [...VARIANT, 'method'], as: 'text' },
  { flags: '--lora-rank <n>', help: 'with --method lora', path: [...VARIANT, 'lora', 'rank'], as: 'number' },
  { flags: '--lora-alpha <x>', help: 'with --method lora', path: [...VARIANT, 'lora', 'alpha'], as: 'number' },
  { flags: '--lora-dropout <x>', help: 'with --method lora', path: [...VARIANT, 'lora', 'dropout'], as: 'number' },
  {
    flags: '--lora-targets <names>',
    help: 'layers, with commas between',
    path: [...VARIANT, 'lora', 'targetModules'],
    as: 'texts',
  },
  { flags: '--epochs <n>', help: 'passes over the data', path: [...VARIANT, 'epochs'], as: 'number' },
  { flags: '--batch-size <n>', help: 'sequences in a micro-batch', path: [...VARIANT, 'batchSize'], as: 'number' },
  {
    flags: '--accumulate <n>',
    help: 'micro-batches in a step',
    path: [...VARIANT, 'gradientAccumulationSteps'],
    as: 'number',
  },
  {
    flags: '--gradient-checkpointing',
    help: 'less memory, more time',
    path: [...VARIANT, 'gradientCheckpointing'],
    as: 'flag',
  },
  { flags: '--packing', help: 'several sequences in a row', path: [...VARIANT, 'packing'], as: 'flag' },
  { flags: '--learning-rate <x>', help: 'peak learning rate', path: [...VARIANT, 'learningRates', 0], as: 'number' },
  {
    flags: '--warmup-ratio <x>',
    help: 'part of the steps that warm up',
    path: [...VARIANT, 'warmupRatio'],
    as: 'number',
  },
  { flags: '--weight-decay <x>', help: 'decoupled weight decay', path: [...VARIANT, 'weightDecay'], as: 'number' },
  { flags: '--max-grad-norm <x>', help: '0: no clipping', path: [...VARIANT, 'maxGradNorm'], as: 'number' },
  { flags: '--precision <name>', help: 'fp32 or bf16', path: [...VARIANT, 'precision'], as: 'text' },
  {
    flags: '--loss-normalization <name>',
    help: 'step, per-sequence or all-tokens',
    path: [...VARIANT, 'lossNormalization'],
    as: 'text',
  },
  {
    flags: '--evaluations-per-epoch <n>',
    help: '0: only at the end',
    path: [...VARIANT, 'evaluationsPerEpoch'],
    as: 'number',
  },
  {
    flags: '--checkpoint-every-steps <n>',
    help: 'steps between checkpoints',
    path: [...VARIANT, 'checkpointEverySteps'],
    as: 'number',
  },
  { flags: '--seed <n>', help: 'order of the data, dropout', path: [...VARIANT, 'seeds', 0], as: 'number' },
  {
    flags: '--max-new-tokens <n>',
    help: 'longest response in validation',
    path: ['spec', 'generate', 'maxNewTokens'],
    as: 'number',
  },
  {
    flags: '--validation-samples <n>',
    help: 'validate on the first n',
    path: ['spec', 'training', 'validation', 'maxSamples'],
    as: 'number',
  },
];

const EVALUATION: Path = ['spec', 'evaluation'];

/** Options of `cft evaluate`. */
export const EVALUATE_FLAGS: readonly Flag[] = [
  MODEL,
  precision,
  ...dataset([...EVALUATION, 'datasets', 0]),
  {
    flags: '--name <name>',
    help: 'name of the data set (default: its file name)',
    path: [...EVALUATION, 'datasets', 0, 'name'],
    as: 'text',
  },
  ...verifier,
  {
    flags: '--samples <n>',
    help: 'responses sampled per question; 0: greedy only',
    path: [...EVALUATION, 'samples'],
    as: 'number',
  },
  { flags: '--temperature <x>', help: 'of the samples', path: [...EVALUATION, 'temperature'], as: 'number' },
  { flags: '--k <list>', help: 'pass@k to estimate, e.g. 1,8', path: [...EVALUATION, 'k'], as: 'numbers' },
  { flags: '--seed <n>', help: 'of the samples', path: [...EVALUATION, 'seed'], as: 'number' },
  {
    flags: '--max-new-tokens <n>',
    help: 'longest response in tokens',
    path: [...EVALUATION, 'maxNewTokens'],
    as: 'number',
  },
  {
    flags: '--batch-size <n>',
    help: 'responses decoded at the same time',
    path: [...EVALUATION, 'batchSize'],
    as: 'number',
  },
  { flags: '--max-samples <n>', help: 'only the first n questions', path: [...EVALUATION, 'maxSamples'], as: 'number' },
];
