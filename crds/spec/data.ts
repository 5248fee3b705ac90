import { z } from 'zod';
import { between, count, dnsLabel, text } from './fields.ts';
import { Precision } from './precision.ts';
import { PRESET_NAMES, PRESETS, type PresetName } from './presets.ts';
import { type Rule, withRules } from './rule.ts';
import { sourceOf, sourceRule } from './source.ts';

export const ModelSpec = withRules(
  z.strictObject({
    source: sourceOf('Directory of the model in Hugging Face layout (config.json, *.safetensors, tokenizer.json).'),
    precision: Precision.default('fp32').describe(
      'Number format of the matrix products when models generate, annotate and are evaluated. bf16 holds their weights in half the memory and multiplies in bfloat16 where the device has units for it: faster, but another token is chosen now and then where two are nearly as likely. Training has its own precision.',
    ),
  }),
  [sourceRule],
).describe('The model to fine-tune; also the one that generates and annotates the training responses.');

export const FieldNames = z
  .strictObject({
    question: text(128).default('question').describe('Column that holds the question.'),
    answer: text(128)
      .default('answer')
      .describe(
        'Column that holds the reference answer. The verifier extracts the final answer from it where it needs one.',
      ),
    response: text(128)
      .optional()
      .describe(
        'Column that holds a ready-made response. Where it is set, responses are taken from the data instead of being generated.',
      ),
    id: text(128)
      .optional()
      .describe(
        'Column that holds a unique, stable id. Without it the id is a hash of the question, the answer and the response.',
      ),
    messages: text(128)
      .optional()
      .describe(
        'Column that holds a conversation, as a list of {role, content}. The question is what the user said last, the answer and response the reply of the assistant to it. Default: messages, where there is no column of the question.',
      ),
  })
  .describe('Names of the columns in the data set.');

const datasetShape = {
  source: sourceOf(
    'File in JSONL, JSON, CSV, Parquet or Arrow, or a directory of such files as the Hugging Face hub has them or save_to_disk wrote them.',
  ),
  preset: z
    .enum(PRESET_NAMES)
    .optional()
    .describe(
      'Benchmark whose columns are known: it makes question, answer and prompt of them, whichever of its usual files it is.',
    ),
  config: text(128)
    .optional()
    .describe('Which of the configurations of a data set directory, where it has several. Default: default.'),
  split: text(64)
    .optional()
    .describe(
      'Which split of a data set directory. Default: train to train on; test, else validation, to evaluate on; the only one where there is one.',
    ),
  fields: FieldNames.prefault({}).describe('Names of the columns in the data set.'),
  promptTemplate: text(16384)
    .optional()
    .describe(
      'Prompt text, with {column} standing for the value of that column of the data set; {question} is the question, whatever its column is called. {{ and }} give single braces. Default: that of the preset, else "{question}" and a newline; with chat, "{question}" alone.',
    ),
  chat: z
    .boolean()
    .default(false)
    .describe(
      "Put the prompt into the tokenizer's chat template as the user's message, with the generation prompt after it.",
    ),
  systemPrompt: text(16384).optional().describe('System message that goes before the prompt. Only with chat.'),
  maxSamples: count().optional().describe('Use only the first so many examples.'),
};

const datasetRules: readonly Rule<{ source: string; chat: boolean; systemPrompt?: string | undefined }>[] = [
  sourceRule,
  {
    cel: 'self.chat || !has(self.systemPrompt)',
    message: 'systemPrompt needs chat: true',
    field: 'systemPrompt',
    reads: ['chat', 'systemPrompt'],
    test: (self) => self.chat || self.systemPrompt === undefined,
  },
];

export const DatasetSpec = withRules(z.strictObject(datasetShape), datasetRules)
  .transform(withPromptTemplate)
  .describe('A data set and how its columns become prompt and answer.');

export const EvaluationDataset = withRules(
  z.strictObject({
    name: dnsLabel(40).describe('Name of the data set in results, metrics and file names. Unique in the list.'),
    ...datasetShape,
  }),
  datasetRules,
)
  .transform(withPromptTemplate)
  .describe('A named data set to evaluate on.');

export const DataSpec = z
  .strictObject({
    train: DatasetSpec,
    validationFraction: between(0, 0.5)
      .default(0.1)
      .describe(
        'Part of the training data that is kept out of generation and training, to choose checkpoints and learning rates on. Examples are assigned by a hash of their question, so that the split is stable when rows are added.',
      ),
  })
  .describe('Training data.');

const NO_PRESET = { plain: '{question}\n', chat: '{question}' };

/** The prompt template with its default filled in: the default depends on `chat` and `preset`, so that it can't be one in the schema. */
function withPromptTemplate<
  T extends { chat: boolean; promptTemplate?: string | undefined; preset?: PresetName | undefined },
>(dataset: T): T & { promptTemplate: string } {
  const { plain, chat } = dataset.preset === undefined ? NO_PRESET : PRESETS[dataset.preset];
  return { ...dataset, promptTemplate: dataset.promptTemplate ?? (dataset.chat ? chat : plain) };
}

export type ModelSpec = z.output<typeof ModelSpec>;
export type FieldNames = z.output<typeof FieldNames>;
export type DatasetSpec = z.output<typeof DatasetSpec>;
export type EvaluationDataset = z.output<typeof EvaluationDataset>;
export type DataSpec = z.output<typeof DataSpec>;
