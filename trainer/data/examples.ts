import { createHash } from 'node:crypto';
import type { DatasetSpec, EvaluationDataset } from '../../crds/cftrun.ts';
import { CftError } from '../../crds/errors.ts';
import { type ChatMessage, type Tokenizer, withoutMarks } from '../tokenizer/tokenizer.ts';
import { type Columns, createColumns } from './columns.ts';
import { turnsOf } from './conversation.ts';
import { datasetRows } from './dataset-rows.ts';
import { parseTemplate, renderTemplate } from './prompt-template.ts';
import type { Row } from './rows.ts';

/** A question with its reference answer, and the prompt that asks it. */
export interface Example {
  /** Unique in the data set, and the same whenever it is read. */
  readonly id: string;
  readonly question: string;
  readonly prompt: string;
  /** The prompt as tokens: special tokens of the template are special tokens, those written out in the data are plain text. */
  readonly promptIds: readonly number[];
  readonly answer: string;
  readonly response: string | undefined;
}

/** Told about what is odd in a data set but no error. */
export type Warn = (reason: string, message: string) => void;

/**
 * Reads a data set and makes its prompts. Rows whose content was seen before are left out where the id is a hash of the content; with ids
 * of their own they are kept. Either way `warn` is told.
 *
 * @throws CftError FileNotFound, InvalidArgument, CorruptFile for the file; InvalidRecord with file and line for a row; EmptyDataset;
 *   InvalidConfig for a chat template that is missing or broken
 */
export async function loadExamples(
  dataset: DatasetSpec | EvaluationDataset,
  tokenizer: Tokenizer,
  warn: Warn = () => {},
): Promise<Example[]> {
  const columns = createColumns(dataset.fields);
  const prompt = createPrompt(dataset, columns, tokenizer);
  const byId = new Map<string, string>();
  const contents = new Map<string, string>();
  const duplicates: string[] = [];
  const examples: Example[] = [];
  for await (const row of datasetRows(dataset)) {
    const question = columns.required(row, 'question');
    const answer = columns.required(row, 'answer');
    const response = columns.optional(row, 'response');
    const content = contentHash(question, answer, response);
    const given = columns.optional(row, 'id');
    const earlier = contents.get(content);
    if (earlier !== undefined) duplicates.push(`${row.where} repeats ${earlier}`);
    else contents.set(content, row.where);
    if (given === undefined && earlier !== undefined) continue;
    const id = given ?? content;
    refuseRepeatedId(id, row, byId);
    byId.set(id, row.where);
    examples.push({ id, question, answer, response, ...prompt(row) });
    if (examples.length === dataset.maxSamples) break;
  }
  if (examples.length === 0) {
    throw new CftError('EmptyDataset', 'the data set has no rows', {
      where: dataset.source,
      hint: 'check that this is the right file',
    });
  }
  if (duplicates.length > 0) {
    const kept = dataset.fields.id === undefined ? 'left out' : 'kept, since they have ids of their own';
    warn(
      'DuplicateRows',
      `${duplicates.length} rows of ${dataset.source} repeat an earlier one (${kept}), the first: ${duplicates[0]}`,
    );
  }
  return examples;
}

type Prompt = Pick<Example, 'prompt' | 'promptIds'>;

function createPrompt(dataset: DatasetSpec, columns: Columns, tokenizer: Tokenizer): (row: Row) => Prompt {
  const template = parseTemplate(dataset.promptTemplate);
  const system = dataset.systemPrompt === undefined ? [] : [{ role: 'system', content: dataset.systemPrompt }];
  return (row) => {
    const asked = renderTemplate(template, (name) => tokenizer.literal(columns.placeholder(row, name)));
    const messages = [...before(row, system, dataset.chat, tokenizer), { role: 'user', content: asked }];
    const text = dataset.chat ? inChatTemplate(messages, tokenizer, row) : asked;
    const promptIds = tokenizer.encode(text, { addSpecialTokens: !dataset.chat });
    if (promptIds.length === 0) {
      throw new CftError('InvalidRecord', 'the prompt has no tokens', {
        where: row.where,
        hint: 'check promptTemplate',
      });
    }
    return { prompt: withoutMarks(text), promptIds };
  };
}

/** What was said before the question: the system message, the manifest's where the conversation has none, and earlier turns. */
function before(row: Row, system: readonly ChatMessage[], chat: boolean, tokenizer: Tokenizer): readonly ChatMessage[] {
  const turns = (turnsOf(row) ?? []).slice(0, -1);
  if (!chat && turns.some(({ role }) => role !== 'system')) {
    throw new CftError('InvalidRecord', 'the conversation has several turns, and the prompt is plain text', {
      where: row.where,
      hint: 'set chat: true',
    });
  }
  const said = turns.map(({ role, content }) => ({ role, content: tokenizer.literal(content) }));
  return said.some(({ role }) => role === 'system') ? said : [...system, ...said];
}

function inChatTemplate(messages: readonly ChatMessage[], tokenizer: Tokenizer, { where }: Row): string {
  try {
    return tokenizer.applyChatTemplate(messages, { addGenerationPrompt: true });
  } catch (cause) {
    if (!(cause instanceof CftError) || cause.code !== 'InvalidRecord') throw cause;
    throw new CftError('InvalidRecord', cause.message, {
      where,
      hint: 'some templates take no system message: leave out systemPrompt',
      cause,
    });
  }
}

function contentHash(question: string, answer: string, response: string | undefined): string {
  return createHash('sha256')
    .update(JSON.stringify([question, answer, response]))
    .digest('hex')
    .slice(0, 16);
}

function refuseRepeatedId(id: string, { where }: Row, byId: ReadonlyMap<string, string>): void {
  const other = byId.get(id);
  if (other === undefined) return;
  throw new CftError('InvalidRecord', `the id "${id}" was used before, at ${other}`, {
    where,
    value: id,
    hint: 'make ids unique, or leave fields.id out: then the id is a hash of the content',
  });
}
