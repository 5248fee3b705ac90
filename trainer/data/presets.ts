import { CftError } from '../../crds/errors.ts';
import type { PresetName } from '../../crds/spec/presets.ts';
import type { Row } from './rows.ts';

type Columns = Readonly<Record<string, unknown>>;

/**
 * A benchmark's row with the columns `question` and `answer`, and `options` or `table` where it has such. It may come from any of the files in which
 * the benchmark is usually found: they name the same things differently.
 *
 * @throws CftError InvalidRecord for a row that has none of the columns that the benchmark is known to have
 */
export function fromPreset(row: Row, preset: PresetName): Row {
  const made = READERS[preset](row.columns);
  for (const [name, value] of Object.entries(made)) {
    if (value !== undefined && value !== null) continue;
    if (Object.hasOwn(row.columns, name))
      throw new CftError('InvalidRecord', `"${name}" is empty`, {
        where: row.where,
        hint: 'fill it in, or leave the row out',
      });
    const known = Object.keys(row.columns).map((column) => `"${column}"`);
    throw new CftError(
      'InvalidRecord',
      `the row does not look like one of ${preset}: no ${name} in ${known.join(', ')}`,
      {
        where: row.where,
        hint: 'leave preset out and name the columns in fields',
      },
    );
  }
  return { ...row, columns: { ...row.columns, ...made } };
}

const problemAndSolution = (row: Columns) => ({
  question: first(row, 'problem', 'Problem', 'question'),
  answer: first(row, 'answer', 'Answer', 'final_answer', 'solution', 'Solution'),
});

const READERS: Readonly<Record<PresetName, (row: Columns) => Columns>> = {
  gsm8k: (row) => ({ question: row.question, answer: row.answer }),
  math: problemAndSolution,
  'math-500': problemAndSolution,
  svamp: (row) => ({
    question: joined(first(row, 'Body', 'body'), first(row, 'Question', 'question')),
    answer: first(row, 'Answer', 'answer'),
  }),
  asdiv: (row) => ({
    question: joined(first(row, 'body', 'Body'), first(row, 'question', 'Question')),
    answer: withoutNote(first(row, 'answer', 'Answer')),
  }),
  mawps: (row) => ({
    question: withNumbers(first(row, 'question', 'Question', 'input', 'sQuestion'), row.Numbers),
    answer: firstOf(first(row, 'result', 'Answer', 'answer', 'target', 'lSolutions')),
  }),
  minerva: problemAndSolution,
  olympiadbench: (row) => ({
    question: row.question,
    answer: listed(first(row, 'final_answer', 'answer')),
  }),
  'college-math': problemAndSolution,
  aime24: problemAndSolution,
  amc23: problemAndSolution,
  gaokao2023en: problemAndSolution,
  tabmwp: (row) => ({
    question: withChoices(row.question, row.choices, row.unit),
    answer: row.answer,
    table: joined(row.table_title, row.table, '\n'),
  }),
  medqa: (row) => ({
    question: row.question,
    options: optionLines(optionsOf(row.options)),
    answer: first(row, 'answer_idx', 'answer'),
  }),
  medmcqa: (row) => ({
    question: row.question,
    options: optionLines([row.opa, row.opb, row.opc, row.opd]),
    answer: letterOf(row.cop),
  }),
};

/** The first of the columns that holds something. */
function first(row: Columns, ...names: readonly string[]): unknown {
  return names.map((name) => row[name]).find((value) => value !== undefined && value !== null && value !== '');
}

function joined(before: unknown, after: unknown, separator = ' '): unknown {
  if (typeof before !== 'string' || before.trim() === '' || typeof after !== 'string') return after ?? before;
  const text = before.trim();
  return `${text}${separator === ' ' && /[\p{L}\d]$/u.test(text) ? '.' : ''}${separator}${after.trim()}`;
}

/** `9 (apples)` is 9. */
function withoutNote(answer: unknown): unknown {
  return typeof answer === 'string' ? answer.replace(/\s*\([^()]*\)\s*$/, '') : answer;
}

function firstOf(value: unknown): unknown {
  return Array.isArray(value) ? value[0] : value;
}

/** Several right values are one list; OlympiadBench has the formula delimiters around each. */
function listed(value: unknown): unknown {
  if (!Array.isArray(value)) return value;
  return value.map((one) => String(one).replace(/^\$+|\$+$/g, '')).join(', ') || undefined;
}

/** MAWPS writes `N_00` for the first of a list of numbers. */
function withNumbers(question: unknown, numbers: unknown): unknown {
  if (typeof question !== 'string' || typeof numbers !== 'string') return question;
  const values = numbers.trim().split(/[\s,]+/);
  return question.replace(/\bN_(\d\d)\b/g, (name, index: string) => {
    const value = values[Number(index)];
    return value === undefined ? name : String(Number(value));
  });
}

function withChoices(question: unknown, choices: unknown, unit: unknown): unknown {
  if (typeof question !== 'string') return question;
  const measured = typeof unit === 'string' && unit !== '' ? `${question} (Unit: ${unit})` : question;
  return Array.isArray(choices) && choices.length > 0 ? `${measured}\nOptions: ${choices.join(', ')}` : measured;
}

/** By letter as an object, or as a list of texts or of {key, value}. */
function optionsOf(options: unknown): unknown[] | undefined {
  if (Array.isArray(options))
    return options.map((option) =>
      typeof option === 'object' ? (option as { value?: unknown } | null)?.value : option,
    );
  if (typeof options !== 'object' || options === null) return undefined;
  return Object.entries(options)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, text]) => text);
}

function optionLines(options: readonly unknown[] | undefined): string | undefined {
  const texts = (options ?? []).filter((option) => typeof option === 'string');
  if (texts.length < 2 || texts.length !== options?.length) return undefined;
  return texts.map((text, i) => `(${'ABCDEFGHIJ'[i]}) ${text.trim()}`).join('\n');
}

/** The hub's MedMCQA counts the options from 0. -1 stands for a test row whose answer is kept secret. */
function letterOf(index: unknown): string | undefined {
  return typeof index === 'number' || typeof index === 'string' ? ['A', 'B', 'C', 'D'][Number(index)] : undefined;
}
