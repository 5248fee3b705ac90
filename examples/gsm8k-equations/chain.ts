import { add, divide, multiply, negate, type Rational } from '../../trainer/verify/rational.ts';
import { formatDecimal, parseDecimal } from './decimal.ts';

/** One line of a calculation: `b = 48+a` is the name `b` and the symbols `48`, `+`, `a`. */
export interface Step {
  readonly name: string;
  /** Decimals, names of earlier steps, and `+ - * / ( )`. */
  readonly symbols: readonly string[];
}

/** Steps where each may use the results of those before it; the last one is what the question asks for. */
export type Chain = readonly Step[];

/** The names of the steps, in order. */
export const STEP_NAMES: readonly string[] = ['a', 'b', 'c', 'd'];

/** Results and numbers stay below this, so that a tiny model has a chance. */
export const LARGEST_NUMBER = 1000;

const SYMBOL = /\d+(?:\.\d*)?|\.\d+|[a-z]|[-+*/()]/g;

/** Splits `48+a` into `48`, `+`, `a`. `undefined` when something else is in it. */
export function splitExpression(expression: string): string[] | undefined {
  const symbols = expression.match(SYMBOL) ?? [];
  return symbols.length > 0 && symbols.join('') === expression.replaceAll(' ', '') ? symbols : undefined;
}

/**
 * The exact value of an expression: usual precedence, left to right, unary minus not allowed.
 *
 * @param lookUp value of a name used in the expression
 * @returns `undefined` for a malformed expression, an unknown name or a division by zero
 */
export function evaluateExpression(
  symbols: readonly string[],
  lookUp: (name: string) => Rational | undefined,
): Rational | undefined {
  let position = 0;
  const operand = (): Rational => {
    const symbol = symbols[position++] ?? '';
    if (symbol === '(') {
      const inner = sum();
      if (symbols[position++] !== ')') throw new SyntaxError('missing )');
      return inner;
    }
    const value = /[a-z]/.test(symbol) ? lookUp(symbol) : parseDecimal(symbol);
    if (value === undefined) throw new SyntaxError(`not a number or name: ${symbol}`);
    return value;
  };
  const product = (): Rational => {
    let value = operand();
    for (let symbol = symbols[position]; symbol === '*' || symbol === '/'; symbol = symbols[position]) {
      position += 1;
      const next = symbol === '*' ? multiply(value, operand()) : divide(value, operand());
      if (next === undefined) throw new RangeError('division by zero');
      value = next;
    }
    return value;
  };
  const sum = (): Rational => {
    let value = product();
    for (let symbol = symbols[position]; symbol === '+' || symbol === '-'; symbol = symbols[position]) {
      position += 1;
      value = add(value, symbol === '+' ? product() : negate(product()));
    }
    return value;
  };
  try {
    const value = sum();
    return position === symbols.length ? value : undefined;
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof RangeError) return undefined;
    throw error;
  }
}

/**
 * The results of all steps as decimals, exact.
 *
 * @returns `undefined` when a step cannot be evaluated or its result is negative, has more than two decimals or is too large
 */
export function evaluateChain(chain: Chain): string[] | undefined {
  const values = new Map<string, Rational>();
  const results: string[] = [];
  for (const { name, symbols } of chain) {
    const value = evaluateExpression(symbols, (other) => values.get(other));
    if (value === undefined || value.numerator < 0n) return undefined;
    if (value.numerator >= BigInt(LARGEST_NUMBER) * value.denominator) return undefined;
    const text = formatDecimal(value);
    if (text === undefined) return undefined;
    values.set(name, value);
    results.push(text);
  }
  return results;
}

/** A step's expression with the results of earlier steps put in for their names: `48+a` becomes `48+24`. */
export function substitute(step: Step, results: ReadonlyMap<string, string>): string {
  return step.symbols.map((symbol) => results.get(symbol) ?? symbol).join('');
}

/** `a = 48/2, b = 48+a. What is b?` */
export function formatQuestion(chain: Chain): string {
  const lines = chain.map(({ name, symbols }) => `${name} = ${symbols.join('')}`);
  return `${lines.join(', ')}. What is ${chain.at(-1)?.name ?? ''}?`;
}

/** The chain back from its question. `undefined` when the text is not such a question. */
export function parseQuestion(question: string): Chain | undefined {
  const match = /^(.+)\. What is ([a-z])\?$/.exec(question);
  if (match === null) return undefined;
  const chain: Step[] = [];
  for (const line of (match[1] ?? '').split(', ')) {
    const [name = '', expression = ''] = line.split(' = ');
    const symbols = splitExpression(expression);
    if (symbols === undefined) return undefined;
    chain.push({ name, symbols });
  }
  return chain.at(-1)?.name === match[2] ? chain : undefined;
}
