import type { Algebra } from './algebra.ts';
import { type FinalAnswer, sameText } from './final-answer.ts';
import { asInterval, isInterval } from './interval.ts';
import { formulaLatex } from './latex-form.ts';
import { directionsDiffer, isName, lettersOf, namesDiffer } from './names.ts';
import { plainText } from './plain-text.ts';
import { parseQuantity, type Quantity, sameQuantity } from './quantity.ts';
import { sameRatio } from './ratio.ts';
import { formatFraction } from './rational.ts';
import { numberShape, type Shape, shapeOf } from './shape.ts';
import { sameUnit } from './units.ts';

type Latex = (string | undefined)[];
type Leaf = Extract<Shape, { kind: 'leaf' }>;
type Items = Extract<Shape, { kind: 'items' }>;
type Relation = Extract<Shape, { kind: 'relation' }>;

/**
 * How far a stated answer agrees with the expected one: 1 if they are the same, the share of right parts for a list, tuple, interval or matrix of
 * as many parts, else 0. Numbers decide without algebra; formulas are compared by it where their texts differ.
 */
export async function agreement(stated: FinalAnswer, expected: FinalAnswer, algebra: Algebra): Promise<number> {
  const number = stated.quantity ?? decimalComma(stated, expected.quantity, 1);
  const right = expected.quantity ?? decimalComma(expected, stated.quantity, 2);
  if (number !== undefined && right !== undefined) {
    const values = [number, beforeRounding(stated)].filter((value) => value !== undefined);
    const isOther = [namesDiffer, directionsDiffer].some((differ) => differ(stated.text, expected.text));
    return Number(values.some((value) => sameQuantity(value, right)) && !isOther);
  }
  if (number === undefined && right === undefined && sameText(stated.text, expected.text)) return 1;
  if (!stated.isPart && undressed(stated) === undressed(expected)) return 1;
  if (stated.isPart) return 0;
  const [a, b] = [stated, expected].map((answer) =>
    answer.quantity === undefined ? shapeOf(answer.text) : numberShape(answer.text, answer.quantity),
  ) as [Shape, Shape];
  return compare(a, b, algebra);
}

function undressed({ text }: FinalAnswer): string {
  return text.replace(/^[\s$]+|[\s$]+$/g, '');
}

async function compare(a: Shape, b: Shape, algebra: Algebra): Promise<number> {
  if (isInterval(a) !== isInterval(b) || isBoth(a) !== isBoth(b) || isSize(a) !== isSize(b)) {
    const [x, y] = [isInterval(a) ? a : asInterval(a), isInterval(b) ? b : asInterval(b)];
    return x === undefined || y === undefined ? compareForms(a, b, algebra) : sameItems(x, y, algebra);
  }
  return compareForms(a, b, algebra);
}

/** `x > 1 and x < 3` */
function isBoth(shape: Shape): boolean {
  return shape.kind === 'items' && shape.form === 'both';
}

/** `|x| < 3` */
function isSize(shape: Shape): boolean {
  return shape.kind === 'relation' && shape.sides.some((side) => /^\|.*\|$/.test(side));
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

/** `x = 3` against `3`. */
async function compareValue({ operators, sides }: Relation, other: Shape, algebra: Algebra): Promise<number> {
  const [left = '', right = ''] = sides;
  if (operators.length !== 1 || operators[0] !== '=' || !isName(left) || lettersOf(right).has(left)) return 0;
  return compare(shapeOf(right), other, algebra);
}

async function sameItems(a: Items, b: Items, algebra: Algebra): Promise<number> {
  const isTuple = (one: Items, other: Items) => one.form === '()' && other.form === 'list' && hasNames(other, true);
  if (a.items.length !== b.items.length || !(a.form === b.form || isTuple(a, b) || isTuple(b, a))) return 0;
  const isInOrder = a.ordered || b.ordered || hasNames(a) !== hasNames(b);
  const scores = isInOrder ? await inOrder(a.items, b.items, algebra) : await inAnyOrder(a.items, b.items, algebra);
  // A sum of ones divided by their number is exactly 1.
  return scores.reduce((sum, score) => sum + score, 0) / a.items.length;
}

/** `x = 1, y = 2`: values without names are given in the same order, in a tuple in that of the alphabet. */
function hasNames({ items }: Items, isSorted = false): boolean {
  const names = items.map((item) =>
    item.kind === 'relation' && isName(item.sides[0] ?? '') ? (item.sides[0] as string) : undefined,
  );
  const known = names.filter((name) => name !== undefined);
  const isInOrder = known.every((name, i) => i === 0 || (known[i - 1] as string) < name);
  return known.length === items.length && new Set(known).size === known.length && (!isSorted || isInOrder);
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

function mirrored({ operators, sides }: Relation): Relation {
  return {
    kind: 'relation',
    operators: operators.map((operator) => MIRRORED[operator] ?? operator).reverse(),
    sides: [...sides].reverse(),
  };
}

/** With `<` and `≤` in the place of `>` and `≥`. */
function upwards(relation: Relation): Relation {
  return /[>≥]/.test(relation.operators.join()) ? mirrored(relation) : relation;
}

async function sameRelation(a: Relation, b: Relation, algebra: Algebra): Promise<boolean> {
  if ((await sameSides(a, b, algebra)) || (await sameSides(a, mirrored(b), algebra))) return true;
  const [first, second] = [a, b].map(upwards) as [Relation, Relation];
  const [operator, ...others] = first.operators;
  if (others.length > 0 || second.operators.join() !== operator || !/[=<≤]/.test(operator)) return false;
  const [left, right] = [first, second].map(({ sides }) => sides.map(formulaLatex)) as [Latex, Latex];
  if ([...left, ...right].includes(undefined)) return false;
  const ask = operator === '=' ? algebra.sameEquation : algebra.sameInequality;
  return ask(left as [string, string], right as [string, string]);
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
  if (sameRatio(a, b)) return true;
  const isAngle = isInDegrees(a, b) || isInDegrees(b, a);
  if (!isAngle && !sameUnit(a.unit, b.unit)) return false;
  if (a.quantity === undefined && b.quantity === undefined && !isAngle && sameText(a.text, b.text)) return true;
  const [left, right] = [a, b].map((leaf) => leafLatex(leaf, isAngle && leaf.unit === 'degree'));
  if ([left, right].some(isUnclear)) return false;
  return left !== undefined && right !== undefined && algebra.equal(left, right);
}

/** `5-6` may be a difference or a range, `1-1/2` a mixed number, `--5` a slip. */
function isUnclear(latex: string | undefined): boolean {
  return /^[\d.\s/]+-[\d.\s/]+$|^\s*[-+]\s*[-+]/.test(latex ?? '');
}

/** `180^\circ` beside `\pi` or `3 rad`, which is in radians. */
function isInDegrees({ unit }: Leaf, other: Leaf): boolean {
  return unit === 'degree' && (other.unit === 'radian' || (other.unit === undefined && /π|\\pi/.test(other.text)));
}

function leafLatex({ text, quantity }: Leaf, toRadians: boolean): string | undefined {
  if (quantity?.percent) return undefined;
  const latex = quantity === undefined ? formulaLatex(text) : formatFraction(quantity.value);
  return toRadians && latex !== undefined ? `\\frac{\\pi}{180}(${latex})` : latex;
}

/**
 * `3,5` for 3.5, beside a number that is not whole: in that place it is no list. Three digits behind the comma could be thousands.
 *
 * @param least digits behind the comma, unless there is a zero before it
 */
function decimalComma({ text }: FinalAnswer, beside: Quantity | undefined, least: number): Quantity | undefined {
  if (beside === undefined || beside.value.denominator === 1n) return undefined;
  const found = /^([^\d,()[\]{}]*)(\d+),(\d+)(?![\d,.])([^\d()[\]{}]*)$/.exec(plainText(text).trim());
  if (found === null) return undefined;
  const [, before, whole, fraction = '', behind] = found;
  const isDecimal = whole === '0' || (fraction.length !== 3 && fraction.length >= least);
  return isDecimal ? parseQuantity(`${before}${whole}.${fraction}${behind}`) : undefined;
}

/** What the rounded value in `10/3 ≈ 3.33` stands for. */
function beforeRounding({ text, quantity }: FinalAnswer): Quantity | undefined {
  const [exact = '', ...others] = plainText(text).split('≈');
  const found = quantity === undefined || others.length !== 1 ? undefined : parseQuantity(exact);
  if (found === undefined || quantity === undefined) return undefined;
  const [value, rounded] = [found, quantity].map(
    ({ value: { numerator, denominator } }) => Number(numerator) / Number(denominator),
  ) as [number, number];
  return Math.abs(value - rounded) <= Math.abs(value) / 100 ? found : undefined;
}
