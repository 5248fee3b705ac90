/**
 * Builds train.jsonl and test.jsonl beside this file from GSM8K's own files.
 *
 *   node examples/gsm8k-equations/build-data.ts path/to/grade_school_math/data [--out folder]
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { CftError, formatError } from '../../crds/errors.ts';
import { writeFileAtomic } from '../../crds/files.ts';
import { createRandom } from '../../trainer/random.ts';
import { type Chain, evaluateChain, formatQuestion } from './chain.ts';
import { chainFromAnswer } from './gsm8k.ts';
import type { EquationRecord } from './records.ts';

const SHUFFLE_SEED = 0;

const gsm8kRow = z.object({ question: z.string(), answer: z.string() });

/**
 * The equation questions of a GSM8K split, in an order shuffled by a fixed seed. A question that comes up twice is kept once;
 * one of `elsewhere` is left out.
 *
 * @param name      split name, used in the ids
 * @param answers   GSM8K's `answer` column
 * @param elsewhere questions of the other split
 */
export function equationRecords(
  name: string,
  answers: readonly string[],
  elsewhere: ReadonlySet<string> = new Set(),
): EquationRecord[] {
  const records = new Map<string, EquationRecord>();
  for (const [index, answer] of answers.entries()) {
    const chain = chainFromAnswer(answer);
    if (chain === undefined) continue;
    const question = formatQuestion(chain);
    if (records.has(question) || elsewhere.has(question)) continue;
    records.set(question, { id: `${name}-${index + 1}`, question, answer: finalResult(chain) });
  }
  return createRandom(SHUFFLE_SEED)
    .fork(name)
    .shuffle([...records.values()]);
}

function finalResult(chain: Chain): string {
  const result = evaluateChain(chain)?.at(-1);
  if (result === undefined) throw new CftError('Internal', `no result for ${formatQuestion(chain)}`);
  return result;
}

async function readAnswers(path: string): Promise<string[]> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new CftError('FileNotFound', 'cannot read the GSM8K file', {
      where: path,
      hint: 'pass the folder grade_school_math/data of github.com/openai/grade-school-math',
      cause,
    });
  });
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line, index) => {
      try {
        return gsm8kRow.parse(JSON.parse(line)).answer;
      } catch (cause) {
        throw new CftError('InvalidRecord', 'not a GSM8K line: {"question", "answer"} expected', {
          where: `${path}:${index + 1}`,
          cause,
        });
      }
    });
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { out: { type: 'string', default: import.meta.dirname } },
  });
  const [source] = positionals;
  if (source === undefined) {
    throw new CftError('InvalidArgument', 'the folder with GSM8K train.jsonl and test.jsonl is missing', {
      hint: 'node examples/gsm8k-equations/build-data.ts path/to/grade_school_math/data',
    });
  }
  const test = equationRecords('test', await readAnswers(join(source, 'test.jsonl')));
  const held = new Set(test.map(({ question }) => question));
  const train = equationRecords('train', await readAnswers(join(source, 'train.jsonl')), held);
  for (const [name, records] of Object.entries({ train, test })) {
    const path = join(values.out, `${name}.jsonl`);
    await writeFileAtomic(path, records.map((record) => `${JSON.stringify(record)}\n`).join(''));
    process.stdout.write(`${path}: ${records.length} questions\n`);
  }
}

if (import.meta.main) {
  main().catch((error: unknown) => {
    process.stderr.write(`${formatError(error)}\n`);
    process.exitCode = 1;
  });
}
