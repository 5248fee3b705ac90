import type { DatasetSpec } from '../../crds/cftrun.ts';
import { createColumns } from './columns.ts';
import { datasetRows } from './dataset-rows.ts';
import type { Example, Warn } from './examples.ts';

type Asked = Pick<Example, 'id' | 'question'>;

/** Questions of fewer words than this can be alike by chance, so that only equal ones count. */
const RUN_OF_WORDS = 13;

/** A question of an evaluation that the training data has too. */
export interface Leak {
  readonly id: string;
  readonly trainId: string;
  /** `same`: but for case, spaces and signs; `overlap`: they share a run of 13 words. */
  readonly kind: 'same' | 'overlap';
}

/**
 * The evaluation's questions that training may have seen: those that are the same text but for case, spaces and punctuation, and those that share 13 words
 * in a row with a training question.
 */
export function findLeaks(train: readonly Asked[], evaluation: readonly Asked[]): Leak[] {
  const same = new Map<string, string>();
  const runs = new Map<string, string>();
  for (const { id, question } of train) {
    const words = wordsOf(question);
    same.set(words.join(' '), id);
    for (const run of runsOf(words)) runs.set(run, id);
  }
  return evaluation.flatMap(({ id, question }): Leak[] => {
    const words = wordsOf(question);
    const twin = same.get(words.join(' '));
    if (twin !== undefined) return [{ id, trainId: twin, kind: 'same' }];
    const run = runsOf(words).find((candidate) => runs.has(candidate));
    return run === undefined ? [] : [{ id, trainId: runs.get(run) as string, kind: 'overlap' }];
  });
}

/** The questions of a data set, called by the places where they stand: for a comparison that needs no prompts. */
export async function questionsOf(dataset: DatasetSpec): Promise<Asked[]> {
  const columns = createColumns(dataset.fields);
  const questions: Asked[] = [];
  for await (const row of datasetRows(dataset)) {
    questions.push({ id: row.where, question: columns.required(row, 'question') });
    if (questions.length === dataset.maxSamples) break;
  }
  return questions;
}

/** Warns where an evaluation's questions are in the training data. @param name of the evaluation's data set */
export function warnOfLeaks(train: readonly Asked[], evaluation: readonly Asked[], name: string, warn: Warn): void {
  const leaks = findLeaks(train, evaluation);
  const [leak] = leaks;
  if (leak === undefined) return;
  const same = leaks.filter(({ kind }) => kind === 'same').length;
  warn(
    'LeakedQuestions',
    `${leaks.length} of ${evaluation.length} questions of ${name} are in the training data too (${same} the same, ` +
      `${leaks.length - same} with ${RUN_OF_WORDS} words in a row), the first: ${leak.id} is ${leak.trainId} there`,
  );
}

function wordsOf(text: string): string[] {
  return (
    text
      .normalize('NFKC')
      .toLowerCase()
      .match(/[\p{L}\p{N}]+/gu) ?? [text.trim()]
  );
}

function runsOf(words: readonly string[]): string[] {
  const count = Math.max(0, words.length - RUN_OF_WORDS + 1);
  return Array.from({ length: count }, (_, i) => words.slice(i, i + RUN_OF_WORDS).join(' '));
}
