import { parentPort } from 'node:worker_threads';
import { ComputeEngine } from '@cortex-js/compute-engine';
import type { AlgebraAnswer, AlgebraQuestion } from './algebra.ts';
import { exactValue } from './exact-value.ts';
import { type Expression, isForWhole, substitute, symbolsOf, toExpression } from './expression.ts';
import { equals, lastDigit, type Rational } from './rational.ts';

/** Digits that values are computed with. Numbers in a formula have at most 40, so that two that differ do so long before the last digit. */
const DIGITS = 200;
const TOLERANCE = 1e-100;
/** Beyond this size a difference could hide behind the digits. */
const LARGEST = 1e60;
const POINTS = 4;
const PRIMES = [7, 11, 13, 17];

type Point = ReadonlyMap<string, Expression>;
interface Complex {
  readonly re: number;
  readonly im: number;
}

// The thread in which formulas are compared: the side that asked ends it when it takes too long.
const engine = new ComputeEngine();
engine.precision = DIGITS;
parentPort?.on('message', ({ id, pairs, relation }: AlgebraQuestion) => {
  const answer: AlgebraAnswer = {
    id,
    holds: relation === 'equal' ? areEqual(pairs) : areProportional(pairs, relation === 'positive'),
  };
  parentPort?.postMessage(answer);
});
// The engine loads much of itself at first use, which no comparison's time should pay for.
areEqual([['\\sin^2 x+\\cos^2 x', '\\sqrt{1}+0\\ln 2']]);
parentPort?.postMessage('ready');

/** Is the one formula equal to the other, whatever the values of their variables? */
function areEqual([[left, right]]: AlgebraQuestion['pairs']): boolean {
  const [a, b] = [parse(left), parse(right)];
  if (a === undefined || b === undefined) return false;
  const symbols = new Set([...symbolsOf(a), ...symbolsOf(b)]);
  const places = points(symbols, isForWhole(a) || isForWhole(b));
  const results = places.map((point) => areEqualAt(a, b, point)).filter((result) => result !== undefined);
  return !results.includes(false) && results.length > (symbols.size === 0 ? 0 : places.length / 2);
}

/** Undefined where neither has a value. */
function areEqualAt(a: Expression, b: Expression, point: Point): boolean | undefined {
  const [p, q] = [exactValue(substitute(a, point)), exactValue(substitute(b, point))];
  if (p !== undefined && q !== undefined) return equals(p, q);
  const [x, y] = [valueAt(a, point), valueAt(b, point)];
  if (x === undefined && y === undefined) return undefined;
  if (x === undefined || y === undefined) return false;
  if (isZeroBeside(['Subtract', a, b], point, [x, y])) return true;
  return point.size === 0 && [p, q].some((value) => isComputed(value, ['Subtract', a, b]));
}

/** Whether `1.4142135623730951` is what `\sqrt{2}` was computed to. */
function isComputed(value: Rational | undefined, difference: Expression): boolean {
  const size = value === undefined ? undefined : lastDigit(value);
  const rest = size === undefined ? undefined : valueAt(difference, new Map());
  return size !== undefined && rest !== undefined && magnitude(rest) < 1 / Number(size.denominator);
}

/** Do two equations, as left and right sides, differ by a factor only? Then the same points solve them; inequalities, if it is positive. */
function areProportional([first, second]: AlgebraQuestion['pairs'], isPositive: boolean): boolean {
  const [a, b] = [first, second].map((sides) => difference(sides));
  if (a === undefined || b === undefined) return false;
  const symbols = new Set([...symbolsOf(a), ...symbolsOf(b)]);
  if (symbols.size === 0) return false;
  const [origin, ...others] = points(symbols, isForWhole(a) || isForWhole(b)) as [Point, ...Point[]];
  const [a0, b0] = [substitute(a, origin), substitute(b, origin)];
  const [x, y] = [valueAt(a0, origin), valueAt(b0, origin)];
  // What is zero everywhere would be a multiple of anything.
  if (x === undefined || y === undefined || Math.min(magnitude(x), magnitude(y)) <= TOLERANCE) return false;
  if (isPositive && (x.im !== 0 || y.im !== 0 || Math.sign(x.re) !== Math.sign(y.re))) return false;
  return others.every((point) => {
    const sides: [Expression, Expression] = [
      ['Multiply', substitute(a, point), b0],
      ['Multiply', substitute(b, point), a0],
    ];
    const values = sides.map((side) => valueAt(side, point));
    return values.every((value) => value !== undefined) && isZeroBeside(['Subtract', ...sides], point, values);
  });
}

function difference(sides: readonly [string, string] | undefined): Expression | undefined {
  const [left, right] = (sides ?? []).map(parse);
  return left === undefined || right === undefined ? undefined : ['Subtract', left, right];
}

function parse(latex: string): Expression | undefined {
  return toExpression(engine.parse(latex, { form: 'raw' }).json);
}

/** Points of both signs, the same each time: fractions that no formula is likely to be special at, or whole numbers. */
function points(symbols: ReadonlySet<string>, areWhole: boolean): Point[] {
  return Array.from({ length: areWhole ? 2 * POINTS : POINTS }, (_, p) => {
    const values = [...symbols].sort().map((symbol, s): [string, Expression] => {
      // Each variable is the larger one at some points: `\\binom{n}{k}` is zero where k is.
      if (areWhole) return [symbol, 2 + 2 * p + 3 * (p % 2 === 0 ? s : symbols.size - s)];
      const isNegative = p === 1 || (p > 1 && (s + p) % 2 === 0);
      const numerator = 5 + 6 * s + 2 * p;
      return [symbol, ['Rational', isNegative ? -numerator : numerator, PRIMES[p] as number]];
    });
    return new Map(values);
  });
}

function valueAt(expression: Expression, point: Point): Complex | undefined {
  const value = engine.expr(substitute(expression, point) as Parameters<typeof engine.expr>[0]).N();
  const complex = { re: value.re, im: value.im };
  return Number.isFinite(complex.re) && Number.isFinite(complex.im) ? complex : undefined;
}

function isZeroBeside(expression: Expression, point: Point, values: readonly (Complex | undefined)[]): boolean {
  const size = Math.max(1, ...values.map((value) => (value === undefined ? Infinity : magnitude(value))));
  const rest = valueAt(expression, point);
  return size < LARGEST && rest !== undefined && magnitude(rest) <= TOLERANCE * size;
}

function magnitude({ re, im }: Complex): number {
  return Math.max(Math.abs(re), Math.abs(im));
}
