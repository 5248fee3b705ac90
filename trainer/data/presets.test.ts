import { describe, expect, test } from 'vitest';
import { PRESET_NAMES, type PresetName } from '../../crds/spec/presets.ts';
import { createVerifier } from '../verify/create.ts';
import { fromPreset } from './presets.ts';

/** A row of each benchmark, in each of the forms in which it is found, made up; a right and a wrong response to it. */
const rows: [
  PresetName,
  object,
  { question: string; right: string; wrong: string; options?: string; table?: string },
][] = [
  [
    'gsm8k',
    { question: 'Q', answer: '2 * 3 = <<2*3=6>>6\n#### 6' },
    { question: 'Q', right: '#### 6', wrong: '#### 3' },
  ],
  [
    'math',
    { problem: 'P', level: 'Level 5', type: 'Algebra', solution: 'So $x=\\boxed{\\frac{1}{2}}$.' },
    { question: 'P', right: '\\boxed{0.5}', wrong: '\\boxed{2}' },
  ],
  [
    'math-500',
    { problem: 'P', solution: 'so \\boxed{(3, 4)}', answer: '\\left( 3, 4 \\right)', unique_id: 'u' },
    { question: 'P', right: '\\boxed{(3,4)}', wrong: '\\boxed{(4,3)}' },
  ],
  [
    'svamp',
    { ID: 'c-1', Body: 'Tom has 3 pens', Question: 'How many?', Equation: '( 3.0 )', Answer: '3.0' },
    { question: 'Tom has 3 pens. How many?', right: '#### 3', wrong: '#### 4' },
  ],
  [
    'asdiv',
    { body: 'Seven apples.', question: 'How many?', answer: '7 (apples)', formula: '7' },
    { question: 'Seven apples. How many?', right: '7', wrong: '8' },
  ],
  [
    'mawps',
    { Question: 'He has N_00 and N_01 .', Numbers: '3.0 4', Equation: '+ N_00 N_01', Answer: 7 },
    { question: 'He has 3 and 4 .', right: '7', wrong: '8' },
  ],
  ['mawps', { question: 'Q', result: '7', result_float: 7 }, { question: 'Q', right: '7', wrong: '8' }],
  [
    'minerva',
    { problem: 'P', type: 'physics', solution: 'thus \\boxed{4.5e33}', idx: 0 },
    { question: 'P', right: '\\boxed{4.5\\times 10^{33}}', wrong: '4.5' },
  ],
  [
    'olympiadbench',
    { question: 'Q', final_answer: ['$2$', '$-1$'], is_multiple_answer: true },
    { question: 'Q', right: '\\boxed{-1, 2}', wrong: '\\boxed{2}' },
  ],
  [
    'college-math',
    { question: 'Q', answer: '$2x+1$', data_topic: 'algebra' },
    { question: 'Q', right: '\\boxed{1+2x}', wrong: '\\boxed{x}' },
  ],
  [
    'aime24',
    { ID: '2024-I-1', Problem: 'P', Solution: 'S', Answer: 204 },
    { question: 'P', right: '\\boxed{204}', wrong: '\\boxed{24}' },
  ],
  [
    'aime24',
    { id: 60, problem: 'P', solution: 'so \\boxed{033}', url: 'u' },
    { question: 'P', right: '\\boxed{33}', wrong: '\\boxed{3}' },
  ],
  [
    'amc23',
    { id: 0, question: 'Q', answer: 27.0, url: 'u' },
    { question: 'Q', right: '\\boxed{27}', wrong: '\\boxed{7}' },
  ],
  ['amc23', { id: 0, problem: 'Q', answer: 27.0 }, { question: 'Q', right: '\\boxed{27}', wrong: '\\boxed{7}' }],
  [
    'gaokao2023en',
    { question: 'Q', answer: '$\\{x|x>1\\}$' },
    { question: 'Q', right: '\\boxed{\\{x|x>1\\}}', wrong: '\\boxed{1}' },
  ],
  [
    'tabmwp',
    { question: 'What is the sum?', choices: null, answer: '1,234', unit: '$', table_title: 'Prices', table: 'a | $3' },
    { question: 'What is the sum? (Unit: $)', right: '\\boxed{1234}', wrong: '\\boxed{1}', table: 'Prices\na | $3' },
  ],
  [
    'tabmwp',
    { question: 'Which?', choices: ['red', 'blue'], answer: 'red', unit: null, table_title: null, table: 'red | 3' },
    { question: 'Which?\nOptions: red, blue', right: '\\boxed{\\text{red}}', wrong: '\\boxed{blue}', table: 'red | 3' },
  ],
  [
    'medqa',
    { question: 'Q', answer: 'aspirin', options: { B: 'ibuprofen', A: 'aspirin' }, answer_idx: 'A' },
    { question: 'Q', right: 'The answer is (A).', wrong: 'The answer is (B).', options: '(A) aspirin\n(B) ibuprofen' },
  ],
  [
    'medmcqa',
    { id: 'i', question: 'Q', opa: 'a', opb: 'b', opc: 'c', opd: 'd', cop: 2, exp: null },
    { question: 'Q', right: 'C', wrong: 'B', options: '(A) a\n(B) b\n(C) c\n(D) d' },
  ],
];

describe('each benchmark', () => {
  test.each(rows)('%s %j', async (preset, columns, expected) => {
    const { question, answer, options, table } = fromPreset(
      { columns: columns as never, where: 'x:1' },
      preset,
    ).columns;
    expect(question).toBe(expected.question);
    if (expected.options !== undefined) expect(options).toBe(expected.options);
    if (expected.table !== undefined) expect(table).toBe(expected.table);
    const verifier = createVerifier(
      preset.startsWith('med') ? { type: 'choice', choices: ['A', 'B', 'C', 'D'] } : { type: 'math' },
    );
    const verdicts = await verifier.verify(
      [expected.right, expected.wrong].map((response) => ({ response, answer: String(answer) })),
    );
    expect(verdicts.map(({ correct }) => correct)).toEqual([true, false]);
  });

  test('has such a row here', () => {
    expect(new Set(rows.map(([preset]) => preset))).toEqual(new Set(PRESET_NAMES));
  });
});

test('a row of something else is refused with its columns', () => {
  const row = { columns: { prompt: 'x', answer: 'y' }, where: 'x.jsonl:3' };
  expect(() => fromPreset(row, 'math')).toThrow(/does not look like one of math: no question in "prompt", "answer"/);
  const empty = { columns: { question: 'x', answer: '' }, where: 'x.jsonl:4' };
  expect(() => fromPreset(empty, 'gaokao2023en')).toThrow(
    expect.objectContaining({ message: '"answer" is empty', where: 'x.jsonl:4' }),
  );
  const secret = { columns: { question: 'Q', opa: 'a', opb: 'b', opc: 'c', opd: 'd', cop: -1 }, where: 'x:1' };
  expect(() => fromPreset(secret, 'medmcqa')).toThrow(/no answer/);
});
