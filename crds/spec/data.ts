import { z } from 'zod';
import { between, count, dnsLabel, text } from './fields.ts';
import { type Rule, withRules } from './rule.ts';

/** Where a model or data set lies. A local path is relative to the manifest's folder. */
export const Source = text(1024);

export const ModelSpec = z
  .strictObject({
    source: Source.describe(
      'Directory of the model in Hugging Face layout (config.json, *.safetensors, tokenizer.json). A relative path starts at the folder of the manifest.',
    ),
  })
  .describe('The model to fine-tune; also the one that generates and annotates the training responses.');

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
      .describe('Column that holds a unique, stable id. Without it the id is a hash of the question and the answer.'),
  })
  .describe('Names of the columns in the data set.');

const datasetShape = {
  source: Source.describe('JSONL file, one example a line. A relative path starts at the folder of the manifest.'),
  fields: FieldNames.prefault({}).describe('Names of the columns in the data set.'),
  promptTemplate: text(16384)
    .optional()
    .describe(
      'Prompt text, with {column} standing for the value of that column of the data set; {question} is the question, whatever its column is called. {{ and }} give single braces. Default: "{question}" and a newline; with chat, "{question}" alone.',
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

const datasetRules: readonly Rule<{ chat: boolean; systemPrompt?: string | undefined }>[] = [
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
        'Part of the training data that is kept out of generation and training, to choose checkpoints and learning rates on. Examples are assigned by a hash of their id, so that the split is stable when rows are added.',
      ),
  })
  .describe('Training data.');

/** The prompt template with its default filled in: the default depends on `chat`, so that it can't be one in the schema. */
function withPromptTemplate<T extends { chat: boolean; promptTemplate?: string | undefined }>(
  dataset: T,
): T & { promptTemplate: string } {
  return { ...dataset, promptTemplate: dataset.promptTemplate ?? (dataset.chat ? '{question}' : '{question}\n') };
}

export type ModelSpec = z.output<typeof ModelSpec>;
export type FieldNames = z.output<typeof FieldNames>;
export type DatasetSpec = z.output<typeof DatasetSpec>;
export type EvaluationDataset = z.output<typeof EvaluationDataset>;
export type DataSpec = z.output<typeof DataSpec>;
