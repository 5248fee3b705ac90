import { z } from 'zod';
import { CftError } from '../../crds/errors.ts';
import { readJsonLines } from '../../crds/files.ts';
import { type Chain, parseQuestion } from './chain.ts';

/** A line of train.jsonl or test.jsonl. */
export const EquationRecord = z.strictObject({
  /** Split and line number (from 1) of the GSM8K problem whose calculation it is. */
  id: z.string(),
  /** The chain without results: `a = 48/2, b = 48+a. What is b?` */
  question: z.string(),
  /** The last step's result. */
  answer: z.string(),
});
export type EquationRecord = z.output<typeof EquationRecord>;

/** Reads a file that build-data.ts wrote. Throws CftError InvalidRecord for another line, EmptyDataset for no line. */
export async function readRecords(path: string): Promise<EquationRecord[]> {
  const { values } = await readJsonLines(path);
  if (values.length === 0) {
    throw new CftError('EmptyDataset', 'there are no questions', {
      where: path,
      hint: 'build them with build-data.ts',
    });
  }
  return values.map((value, index) => {
    const record = EquationRecord.safeParse(value);
    if (record.success) return record.data;
    throw new CftError('InvalidRecord', `not an equation question: ${z.prettifyError(record.error)}`, {
      where: `${path}:${index + 1}`,
      value,
    });
  });
}

/** The chains of the records' questions. Throws CftError InvalidRecord where a question is not one. */
export function chainsOf(records: readonly EquationRecord[]): Chain[] {
  return records.map(({ id, question }) => {
    const chain = parseQuestion(question);
    if (chain === undefined) throw new CftError('InvalidRecord', `not a chain: ${question}`, { where: id });
    return chain;
  });
}
