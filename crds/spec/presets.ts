/** Prompt of a preset: as plain text, and as the user's message in a chat. */
interface PresetPrompt {
  readonly plain: string;
  readonly chat: string;
}

const MATH: PresetPrompt = {
  plain: 'Question: {question}\nAnswer: ',
  chat: '{question}\nPlease reason step by step, and put your final answer within \\boxed{}.',
};
const CHOICE: PresetPrompt = {
  plain: 'Question: {question}\n{options}\nAnswer: ',
  chat: '{question}\n{options}\nPlease reason step by step, and end with "The answer is (X)", X being the letter of the right option.',
};
const TABLE: PresetPrompt = {
  plain: 'Table: {table}\nQuestion: {question}\nAnswer: ',
  chat: '{table}\n\n{question}\nPlease reason step by step, and put your final answer within \\boxed{}.',
};

/** Benchmarks whose columns are known, and the prompt that asks their questions. */
export const PRESETS = {
  gsm8k: MATH,
  math: MATH,
  'math-500': MATH,
  svamp: MATH,
  asdiv: MATH,
  mawps: MATH,
  minerva: MATH,
  olympiadbench: MATH,
  'college-math': MATH,
  aime24: MATH,
  amc23: MATH,
  gaokao2023en: MATH,
  tabmwp: TABLE,
  medqa: CHOICE,
  medmcqa: CHOICE,
} as const satisfies Record<string, PresetPrompt>;

export type PresetName = keyof typeof PRESETS;
export const PRESET_NAMES = Object.keys(PRESETS) as [PresetName, ...PresetName[]];
