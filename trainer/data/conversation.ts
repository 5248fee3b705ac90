import { CftError } from '../../crds/errors.ts';
import type { ChatMessage } from '../tokenizer/tokenizer.ts';
import type { Row } from './rows.ts';

/**
 * A row that holds a conversation, or a prompt with its completion, as one with the columns `question`, `answer`, `response` and `turns` (the messages
 * before the reply, the user's last one included). Columns that the row has already are kept. Other rows stay as they are.
 *
 *     {"messages": [{"role": "user", "content": "6 * 7?"}, {"role": "assistant", "content": "42"}]}
 *     {"prompt": "6 * 7?", "completion": "42"}, or with lists of messages in both, as TRL has them
 *
 * @param messages the column that the manifest names, if any
 * @throws CftError InvalidRecord for a conversation without a question or a reply, or with content that is no text
 */
export function fromConversation(row: Row, messages: string | undefined): Row {
  const { columns } = row;
  if (messages !== undefined) return spoken(row, columns[messages], messages);
  if ('question' in columns) return row;
  if (Array.isArray(columns.messages)) return spoken(row, columns.messages, 'messages');
  if (!('prompt' in columns && 'completion' in columns)) return row;
  const { prompt, completion } = columns;
  if (Array.isArray(prompt) && Array.isArray(completion)) return spoken(row, [...prompt, ...completion], 'prompt');
  return { ...row, columns: { question: prompt, answer: completion, response: completion, ...columns } };
}

/** The messages that a row's conversation had before the reply, if it has any. */
export function turnsOf(row: Row): readonly ChatMessage[] | undefined {
  return row.columns[TURNS] as readonly ChatMessage[] | undefined;
}

/** No name that a data set could have. */
const TURNS = '\0turns';

function spoken(row: Row, value: unknown, column: string): Row {
  const problem = (message: string, hint: string) =>
    new CftError('InvalidRecord', `"${column}", the conversation, ${message}`, { where: row.where, value, hint });
  if (!Array.isArray(value)) throw problem('is no list', 'it must be like [{"role": "user", "content": "..."}, ...]');
  const turns = value.map((message) => readMessage(message, problem));
  const reply = turns.findLastIndex(({ role }) => role === 'assistant');
  const before = turns.slice(0, reply === -1 ? undefined : reply);
  const question = before.at(-1);
  if (question?.role !== 'user')
    throw problem('has no question: the message before the last reply must be the user’s', 'leave the row out');
  const said = reply === -1 ? {} : { answer: turns[reply]?.content, response: turns[reply]?.content };
  const { columns } = row;
  return { ...row, columns: { ...said, ...columns, question: question.content, [TURNS]: before } };
}

function readMessage(value: unknown, problem: (message: string, hint: string) => CftError): ChatMessage {
  const { role, content, from, value: said } = (value ?? {}) as Record<string, unknown>;
  const speaker = role ?? SHARE_GPT[String(from)] ?? from;
  const text = content ?? said;
  const parts = Array.isArray(text) ? text.map((part) => (part as { text?: unknown } | null)?.text) : [text];
  if (typeof speaker !== 'string' || !parts.every((part) => typeof part === 'string'))
    throw problem(
      'has a message without a role or text',
      'each message must be like {"role": "user", "content": "..."}',
    );
  return { role: speaker, content: parts.join('') };
}

const SHARE_GPT: Readonly<Record<string, string>> = { human: 'user', gpt: 'assistant', system: 'system' };
