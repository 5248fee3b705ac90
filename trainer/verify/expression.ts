/** A formula in MathJSON, made of nothing but the operations below: what can be evaluated at a point without guessing what it means. */
export type Expression = number | string | { readonly num: string } | readonly [string, ...Expression[]];

const OPERATIONS = new Set(
  `Add Subtract Negate Multiply Divide Rational Power Factorial Binomial Floor Ceil Sqrt Root Abs Exp Ln Log Lb Sin Cos Tan Cot Sec Csc Arcsin Arccos Arctan Sinh Cosh Tanh
  Degrees`.split(/\s+/),
);
const CONSTANTS: Readonly<Record<string, string>> = {
  e: 'ExponentialE',
  ExponentialE: 'ExponentialE',
  i: 'ImaginaryUnit',
  ImaginaryUnit: 'ImaginaryUnit',
  Pi: 'Pi',
};
const SYMBOL =
  /^(?:[A-Za-z]|alpha|beta|gamma|delta|epsilon|theta|lambda|mu|nu|rho|sigma|tau|phi|varphi|omega|Delta|Omega)(?:_[A-Za-z0-9]{1,4})?$/;
const LONGEST_LITERAL = 40;
const LARGEST_EXPONENT = 20_000;
const MOST_TERMS = 200;

/**
 * The expression that a parsed formula stands for, or undefined where it holds anything else than the known operations: an error of the parser, a
 * function of unknown meaning, an endless sum. `3\frac{1}{2}` is the mixed number.
 *
 * @param raw MathJSON as the parser gives it, before any canonical form
 */
export function toExpression(raw: unknown): Expression | undefined {
  if (typeof raw === 'number') return Number.isFinite(raw) ? raw : undefined;
  if (typeof raw === 'string') return CONSTANTS[raw] ?? (SYMBOL.test(raw) ? raw : undefined);
  if (!Array.isArray(raw)) return literal(raw);
  const [head, ...rest] = raw as [unknown, ...unknown[]];
  if (head === 'Delimiter') return toExpression(rest[0]);
  if (head === 'Sum' || head === 'Product') return writtenOut(head === 'Sum' ? 'Add' : 'Multiply', rest);
  const operands = rest.map(toExpression);
  if (operands.length === 0 || !operands.every((operand) => operand !== undefined)) return undefined;
  if (head === 'InvisibleOperator') return product(rest, operands);
  if (head === 'Power' && isTower(operands[1] as Expression)) return undefined;
  return typeof head === 'string' && OPERATIONS.has(head) ? [head, ...operands] : undefined;
}

/** The variables of an expression. */
export function symbolsOf(expression: Expression): Set<string> {
  if (Array.isArray(expression))
    return new Set((expression as Expression[]).slice(1).flatMap((operand) => [...symbolsOf(operand)]));
  const isVariable = typeof expression === 'string' && SYMBOL.test(expression);
  return new Set(isVariable ? [expression] : []);
}

/** The expression with each variable replaced by its value. */
export function substitute(expression: Expression, values: ReadonlyMap<string, Expression>): Expression {
  if (typeof expression === 'string') return values.get(expression) ?? expression;
  if (!Array.isArray(expression)) return expression;
  const [head, ...operands] = expression as [string, ...Expression[]];
  return [head, ...operands.map((operand) => substitute(operand, values))];
}

/** Whether a formula has a meaning for whole values of its variables only: `n!`. */
export function isForWhole(expression: Expression): boolean {
  if (!Array.isArray(expression)) return false;
  const [head, ...operands] = expression as [string, ...Expression[]];
  const isCount = head === 'Factorial' || head === 'Binomial';
  return (isCount && symbolsOf(expression).size > 0) || operands.some(isForWhole);
}

/** The terms of `\sum_{k=1}^{3} k^2`, joined by the operation. */
function writtenOut(operation: string, [body, limits, ...others]: readonly unknown[]): Expression | undefined {
  const [kind, index, first, last] = Array.isArray(limits) ? (limits as unknown[]) : [];
  const isRange = kind === 'Tuple' && typeof index === 'string' && Number.isInteger(first) && Number.isInteger(last);
  const count = Number(last) - Number(first) + 1;
  if (!isRange || others.length > 0 || count < 1 || count > MOST_TERMS) return undefined;
  const terms = Array.from({ length: count }, (_, i) => toExpression(withValue(body, index, Number(first) + i)));
  return terms.every((term) => term !== undefined) ? [operation, ...terms] : undefined;
}

function withValue(raw: unknown, name: string, value: number): unknown {
  if (Array.isArray(raw)) return raw.map((part) => withValue(part, name, value));
  return raw === name ? ['Delimiter', value] : raw;
}

function literal(raw: unknown): Expression | undefined {
  const num = (raw as { num?: unknown } | null)?.num;
  return typeof num === 'string' && /^-?[\d.]+$/.test(num) && num.length <= LONGEST_LITERAL ? { num } : undefined;
}

/** Factors without a sign between them. Two numbers side by side, or `f(x)`, are no product. */
function product(raw: readonly unknown[], factors: readonly Expression[]): Expression | undefined {
  const [first, second, ...others] = factors as [Expression, Expression, ...Expression[]];
  const isNumber = (factor: unknown) =>
    typeof factor === 'number' || (typeof factor === 'object' && !Array.isArray(factor));
  for (const [i, factor] of raw.entries()) {
    const next = raw[i + 1];
    if (isNumber(next) || (isDelimited(next) && typeof factor === 'string' && /^[fgh]$/.test(factor))) return undefined;
  }
  if (!isProperFraction(first, second)) return ['Multiply', ...factors];
  const mixed: Expression = ['Add', first, second];
  return others.length === 0 ? mixed : ['Multiply', mixed, ...others];
}

function isDelimited(raw: unknown): boolean {
  return Array.isArray(raw) && raw[0] === 'Delimiter';
}

function isProperFraction(whole: Expression, part: Expression | undefined): boolean {
  if (!Number.isInteger(whole) || !Array.isArray(part)) return false;
  const [head, above, below] = part as unknown[];
  return (
    (head === 'Divide' || head === 'Rational') &&
    Number.isInteger(above) &&
    Number.isInteger(below) &&
    0 < Number(above) &&
    Number(above) < Number(below)
  );
}

/** An exponent that is large, or a power of numbers itself: the value would have more digits than anything can hold. */
function isTower(exponent: Expression): boolean {
  if (typeof exponent === 'number') return Math.abs(exponent) > LARGEST_EXPONENT;
  if (!Array.isArray(exponent)) return typeof exponent === 'object';
  const hasPower = JSON.stringify(exponent).includes('"Power"') || JSON.stringify(exponent).includes('"Factorial"');
  return (hasPower && symbolsOf(exponent).size === 0) || (exponent as Expression[]).slice(1).some(isTower);
}
