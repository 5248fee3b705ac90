import type { Algebra } from './algebra.ts';
import { type FinalAnswer, sameText } from './final-answer.ts';
import { asInterval, isInterval } from './interval.ts';
import { formulaLatex } from './latex-form.ts';
import { plainText } from './plain-text.ts';
import { parseQuantity, type Quantity, sameQuantity } from './quantity.ts';
import { formatFraction } from './rational.ts';
import { numberShape, type Shape, shapeOf } from './shape.ts';
import { sameUnit } from './units.ts';

type Leaf = Extract<Shape, { kind: 'leaf' }>;
type Items = Extract<Shape, { kind: 'items' }>;
type Relation = Extract<Shape, { kind: 'relation' }>;

/**
 * How far a stated answer agrees with the expected one: 1 if they are the same, the share of right parts for a list, tuple, interval or matrix of
 * as many parts, else 0. Numbers decide without algebra; formulas are compared by it where their texts differ.
 */
export async function agreement(stated: FinalAnswer, expected: FinalAnswer, algebra: Algebra): Promise<number> {
  const number = stated.quantity ?? decimalComma(stated, expected);
  if (number !== undefined && expected.quantity !== undefined)
    return Number(sameQuantity(number, expected.quantity) && !namesDiffer(stated.text, expected.text));
  if (number === undefined && expected.quantity === undefined && sameText(stated.text, expected.text)) return 1;
  if (stated.isPart) return 0;
  const [a, b] = [stated, expected].map((answer) =>
    answer.quantity === undefined ? shapeOf(answer.text) : numberShape(answer.text, answer.quantity),
  ) as [Shape, Shape];
  return compare(a, b, algebra);
}

async function compare(a: Shape, b: Shape, algebra: Algebra): Promise<number> {
  if (isInterval(a) !== isInterval(b)) {
    const [x, y] = [isInterval(a) ? a : asInterval(a), isInterval(b) ? b : asInterval(b)];
    return x === undefined || y === undefined ? compareForms(a, b, algebra) : sameItems(x, y, algebra);
  }
  return compareForms(a, b, algebra);
}

async function compareForms(a: Shape, b: Shape, algebra: Algebra): Promise<number> {
  if (a.kind === 'relation' && b.kind === 'relation') return Number(await sameRelation(a, b, algebra));
  if (a.kind === 'relation') return compareValue(a, b, algebra);
  if (b.kind === 'relation') return compareValue(b, a, algebra);
  if (a.kind === 'moment' || b.kind === 'moment')
    return Number(a.kind === b.kind && 'value' in a && 'value' in b && a.value === b.value);
  if (a.kind === 'items' && b.kind === 'items') return sameItems(a, b, algebra);
  return Number(a.kind === 'leaf' && b.kind === 'leaf' && (await sameLeaf(a, b, algebra)));
}

/** `x`, `a_n`, `f(x)`, `AB`, `\angle ABC`. */
const NAME = /^(?:\\(?:angle|triangle)\s*)?(?:[A-Za-z]|[A-Z]{2,3}|\\[a-z]+)(?:_\{?\w+\}?)?(?:\s*\(\s*[A-Za-z]\s*\))?$/;

/** `x = 3` against `3`. */
async function compareValue({ operators, sides }: Relation, other: Shape, algebra: Algebra): Promise<number> {
  const [left = '', right = ''] = sides;
  const isName = NAME.test(left) || isTupleOfNames(left);
  if (operators.length !== 1 || operators[0] !== '=' || !isName || names(right).has(left)) return 0;
  return compare(shapeOf(right), other, algebra);
}

/** `(x, y)`, in the order of the alphabet, in which values are given without names. */
function isTupleOfNames(text: string): boolean {
  const names = /^\(\s*([A-Za-z](?:\s*,\s*[A-Za-z])+)\s*\)$/.exec(text)?.[1]?.split(/\s*,\s*/);
  return names?.every((name, i) => i === 0 || (names[i - 1] as string) < name) ?? false;
}

/** The single letters of a formula. */
function names(formula: string): Set<string> {
  return new Set(formula.replace(/\\[A-Za-z]+/g, ' ').match(/[A-Za-z]/g));
}

async function sameItems(a: Items, b: Items, algebra: Algebra): Promise<number> {
  if (a.form !== b.form || a.items.length !== b.items.length) return 0;
  const scores = a.ordered ? await inOrder(a.items, b.items, algebra) : await inAnyOrder(a.items, b.items, algebra);
  // A sum of ones divided by their number is exactly 1.
  return scores.reduce((sum, score) => sum + score, 0) / a.items.length;
}

function inOrder(a: readonly Shape[], b: readonly Shape[], algebra: Algebra): Promise<number[]> {
  return Promise.all(a.map((item, i) => compare(item, b[i] as Shape, algebra)));
}

/** Each item takes the first equal one that is still free: equality is transitive, so that nothing better is missed. */
async function inAnyOrder(a: readonly Shape[], b: readonly Shape[], algebra: Algebra): Promise<number[]> {
  const free = [...b];
  const scores: number[] = [];
  for (const item of a) {
    const matches = await Promise.all(free.map((other) => compare(item, other, algebra)));
    const at = matches.indexOf(1);
    if (at !== -1) free.splice(at, 1);
    scores.push(at === -1 ? 0 : 1);
  }
  return scores;
}

const MIRRORED: Readonly<Record<string, string>> = { '<': '>', '>': '<', '≤': '≥', '≥': '≤' };

async function sameRelation(a: Relation, b: Relation, algebra: Algebra): Promise<boolean> {
  const mirrored: Relation = {
    kind: 'relation',
    operators: b.operators.map((operator) => MIRRORED[operator] ?? operator).reverse(),
    sides: [...b.sides].reverse(),
  };
  if ((await sameSides(a, b, algebra)) || (await sameSides(a, mirrored, algebra))) return true;
  if (a.operators.join() !== '=' || b.operators.join() !== '=') return false;
  const [first, second] = [a, b].map(({ sides }) => sides.map(formulaLatex));
  if (first === undefined || second === undefined || [...first, ...second].includes(undefined)) return false;
  return algebra.sameEquation(first as [string, string], second as [string, string]);
}

async function sameSides(a: Relation, b: Relation, algebra: Algebra): Promise<boolean> {
  if (a.operators.join() !== b.operators.join()) return false;
  const scores = await inOrder(
    a.sides.map((side) => shapeOf(side)),
    b.sides.map((side) => shapeOf(side)),
    algebra,
  );
  return scores.every((score) => score === 1);
}

async function sameLeaf(a: Leaf, b: Leaf, algebra: Algebra): Promise<boolean> {
  if (a.quantity !== undefined && b.quantity !== undefined) return sameQuantity(a.quantity, b.quantity);
  if (!sameUnit(a.unit, b.unit)) return false;
  if (a.quantity === undefined && b.quantity === undefined && sameText(a.text, b.text)) return true;
  const [left, right] = [leafLatex(a), leafLatex(b)];
  // `5+3` is a calculation that was left undone, `5-6` may be a range.
  if ([a, b].some((leaf) => leaf.quantity !== undefined) && [left, right].some(isArithmetic)) return false;
  return left !== undefined && right !== undefined && algebra.equal(left, right);
}

/** Sums, differences and products of plain numbers. */
function isArithmetic(latex: string | undefined): boolean {
  const plain = (latex ?? '')
    .replace(/\\frac\s*\{\d+\}\s*\{\d+\}/g, '1')
    .replace(/\\(?:times|cdot|div)(?![A-Za-z])/g, '*');
  return !/[A-Za-z^\\]/.test(plain) && /[\d)]\s*[-+*/(]|^\s*[-+]\s*[-+]/.test(plain);
}

function leafLatex({ text, quantity }: Leaf): string | undefined {
  if (quantity === undefined) return formulaLatex(text);
  return quantity.percent ? undefined : formatFraction(quantity.value);
}

/** `x = 3` and `y = 3` answer different questions. */
function namesDiffer(a: string, b: string): boolean {
  const [left, right] = [a, b].map((text) => /^[\s$({[\\]*([A-Za-z])\s*=/.exec(plainText(text))?.[1]);
  return left !== undefined && right !== undefined && left !== right;
}

/**
 * `3,5` for 3.5, where the expected answer is a number that is not whole: in that place it is no list. Three digits behind the comma could be
 * thousands.
 */
function decimalComma(stated: FinalAnswer, expected: FinalAnswer): Quantity | undefined {
  if (expected.quantity === undefined || expected.quantity.value.denominator === 1n) return undefined;
  const found = /^([^\d,()[\]{}]*)(\d+),(\d+)(?![\d,.])([^\d()[\]{}]*)$/.exec(plainText(stated.text).trim());
  if (found === null) return undefined;
  const [, before, whole, fraction = '', behind] = found;
  return fraction.length === 3 && whole !== '0' ? undefined : parseQuantity(`${before}${whole}.${fraction}${behind}`);
}
