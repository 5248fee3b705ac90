import type { Random } from '../random.ts';

/** A worked chain of sums: what a small model answers to arithmetic in words. */
export interface Worked {
  readonly question: string;
  readonly answer: string;
  /** Token texts; joined they are the response. The last one is the end token. */
  readonly tokens: readonly string[];
}

const STEPS = ['{n} is {e} = {v}', 'so {n} equals {e} = {v}', 'we get {n} as {e} = {v}', 'now {e} makes {v} for {n}'];
const OPENINGS = ['', 'let us see.\n', 'step by step:\n', 'first,'];
const JOINS = ['.', ';', ', then', '. after that', ',\n'];
const CLOSINGS = ['. the answer is # {v}', '. so the answer is # {v}', ', hence # {v}'];

/** A question of two to four steps with a worked answer in free wording. */
export function worked(random: Random): Worked {
  const pick = <T>(items: readonly T[]) => items[random.int(items.length)] as T;
  const steps = 2 + random.int(3);
  let value = 2 + random.int(60);
  const chain: string[] = [];
  let text = pick(OPENINGS);
  for (let i = 0; i < steps; i++) {
    const name = 'abcd'[i] ?? 'e';
    const operand = 2 + random.int(12);
    const operator = pick(['+', '*', '-']);
    const left = i === 0 ? String(value) : ('abcd'[i - 1] ?? 'e');
    chain.push(`${name}=${left}${operator}${operand}`);
    const expression = `${value} ${operator} ${operand}`;
    value = operator === '+' ? value + operand : operator === '*' ? value * operand : value - operand;
    const step = pick(STEPS).replace('{n}', name).replace('{e}', expression).replace('{v}', String(value));
    text += `${i === 0 ? ' ' : `${pick(JOINS)} `}${step}`;
  }
  text += pick(CLOSINGS).replace('{v}', String(value));
  return { question: `${chain.join(' ')} ?`, answer: String(value), tokens: [...split(text), '<|end|>'] };
}

/** Words with the space before them, single digits, signs, line breaks. */
function split(text: string): string[] {
  return text.trimStart().match(/ ?[a-z]+|\n| ?\d| ?[^\sa-z\d]/g) ?? [];
}
