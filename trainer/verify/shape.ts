import { momentOf } from './calendar.ts';
import { isName } from './names.ts';
import { plainText, singleBackslashes } from './plain-text.ts';
import { parseQuantity, type Quantity } from './quantity.ts';
import { splitAtTop } from './split-at-top.ts';
import { readUnit } from './units.ts';

/** What an answer is made of. */
export type Shape =
  | {
      readonly kind: 'leaf';
      readonly text: string;
      readonly quantity: Quantity | undefined;
      readonly unit: string | undefined;
    }
  /** A day or a time of day, in a normal form. */
  | { readonly kind: 'moment'; readonly value: string }
  /** A list, set, tuple, interval, union of intervals, matrix or row; `form` tells which. */
  | { readonly kind: 'items'; readonly form: string; readonly ordered: boolean; readonly items: readonly Shape[] }
  /** `left < right`, or a chain such as `1 < x < 3`. */
  | { readonly kind: 'relation'; readonly operators: readonly string[]; readonly sides: readonly string[] };

const MATRIX = /^[([]?\s*\\begin\s*\{([pbB]?matrix|array)\}(?:\s*\{[lcr|\s]*\})?([\s\S]*)\\end\s*\{\1\}\s*[)\]]?$/;
const DEEPEST = 4;

/** Takes an answer apart; what has no structure is a leaf. */
export function shapeOf(answer: string, depth = 0): Shape {
  const text = bare(answer);
  if (depth >= DEEPEST || text.length > 1000) return leaf(text);
  // `x = 3` keeps its name: in a list, it matters.
  const name = /^([^=]*[^=<>!\s])\s*=/.exec(text)?.[1];
  const quantity = name !== undefined && isName(name) ? undefined : parseQuantity(text);
  if (quantity !== undefined && moment(text) === undefined) return numberShape(text, quantity);
  return matrix(text, depth) ?? moment(text) ?? structure(text, depth) ?? leaf(text);
}

/** The shape of a number that was read already. */
export function numberShape(text: string, quantity: Quantity): Shape {
  return { kind: 'leaf', text, quantity, unit: quantity.unit };
}

function moment(text: string): Shape | undefined {
  const value = momentOf(text);
  return value === undefined ? undefined : { kind: 'moment', value };
}

function structure(text: string, depth: number): Shape | undefined {
  const member = /^[A-Za-z]\s*(?:\\in(?![A-Za-z])|∈)\s*([[(\\{].*)$/s.exec(text);
  if (member !== null) return shapeOf(member[1] as string, depth + 1);
  return union(text, depth) ?? bracketed(text, depth) ?? list(text, depth) ?? relation(text) ?? bothSigns(text, depth);
}

function matrix(text: string, depth: number): Shape | undefined {
  const body = MATRIX.exec(text)?.[2];
  if (body === undefined) return undefined;
  const rows = body.replace(/\\\\\s*$/, '').split('\\\\');
  const row = (cells: string): Shape => ({
    kind: 'items',
    form: 'row',
    ordered: true,
    items: cells.split(/(?<!\\)&/).map((cell) => shapeOf(cell, depth + 1)),
  });
  return { kind: 'items', form: 'matrix', ordered: true, items: rows.map(row) };
}

function union(text: string, depth: number): Shape | undefined {
  const parts = splitAtTop(text, /\\cup(?![A-Za-z])|∪|(?<=[\])]\s?)U(?=\s?[[(])/y);
  if (parts.length < 2) return undefined;
  return { kind: 'items', form: 'union', ordered: false, items: parts.map((part) => shapeOf(part, depth + 1)) };
}

const BRACKETS: readonly (readonly [RegExp, string, boolean])[] = [
  [/^\\\{([\s\S]*)\\\}$/, 'list', false],
  [/^\{([\s\S]*)\}$/, 'list', false],
  [/^\\langle([\s\S]*)\\rangle$/, '()', true],
  [/^\(([\s\S]*)\)$/, '()', true],
  [/^\[([\s\S]*)\]$/, '[]', true],
  [/^\(([\s\S]*)\]$/, '(]', true],
  [/^\[([\s\S]*)\)$/, '[)', true],
];

/** Sets, tuples and intervals. An open interval and a pair look the same, and are compared the same way. */
function bracketed(text: string, depth: number): Shape | undefined {
  for (const [pattern, form, ordered] of BRACKETS) {
    const inner = pattern.exec(text)?.[1];
    if (inner === undefined || !isBalanced(inner)) continue;
    const parts = splitAtTop(inner, commas(inner));
    const isInterval = form === '(]' || form === '[)';
    if (form !== 'list' && parts.length < 2) return undefined;
    if (isInterval && parts.length !== 2) return undefined;
    if (inner.trim() === '') return leaf('\\emptyset');
    if (parts.length === 1) return shapeOf(inner, depth + 1);
    return { kind: 'items', form, ordered, items: parts.map((part) => shapeOf(part, depth + 1)) };
  }
  return undefined;
}

/** `1, 2 and 3`: in any order, as a set. */
function list(text: string, depth: number): Shape | undefined {
  const words = text.replace(
    /,?(?:\s+(?:and|or)\s+|(?<=[)\]}\d])(?:and|or)(?=[-([{\d\\]))(?=[-+\d\\$(.√A-Za-z])/g,
    ', ',
  );
  const parts = splitAtTop(words, commas(words));
  if (parts.length < 2 || parts.some((part) => part.trim() === '')) return undefined;
  const items = parts.map((part) => shapeOf(part, depth + 1));
  // `Paris, France` is one answer, and a sentence is none.
  if (!items.every(isMathematical)) return undefined;
  // `x > 0 and x < 1` is not `x > 0 or x < 1`; of equations both words make a list.
  const isBoth =
    /\sand\s/.test(text) && items.some((item) => item.kind === 'relation' && !item.operators.includes('='));
  return { kind: 'items', form: isBoth ? 'both' : 'list', ordered: false, items };
}

function isMathematical(shape: Shape): boolean {
  if (shape.kind !== 'leaf') return true;
  return shape.quantity !== undefined || !/(?<![\\A-Za-z])[A-Za-z]{3,}/.test(plainText(shape.text));
}

/** Semicolons before commas (`x = 1, y = 2; x = 3, y = 4`). Where a comma can be a thousands separator, only those with a space separate. */
function commas(text: string): RegExp {
  if (splitAtTop(text, /;/y).length > 1 && splitAtTop(text, /,/y).length > 1) return /;/y;
  const hasSpaced = /[,;]\s/.test(text);
  return hasSpaced ? /[,;](?!\d{3}(?!\d))/y : /[,;]/y;
}

const RELATION =
  /\\(?:leq?|geq?|neq?|equiv|lt|gt|sim|cong|perp|parallel)(?![A-Za-z])|\\(?:leqslant|geqslant)(?![A-Za-z])|<=|>=|!=|[=<>≤≥≠≡]/y;
const OPERATORS: Readonly<Record<string, string>> = {
  '\\le': '≤',
  '\\leq': '≤',
  '\\leqslant': '≤',
  '<=': '≤',
  '\\ge': '≥',
  '\\geq': '≥',
  '\\geqslant': '≥',
  '>=': '≥',
  '\\ne': '≠',
  '\\neq': '≠',
  '!=': '≠',
  '\\equiv': '≡',
  '\\lt': '<',
  '\\gt': '>',
};

function relation(text: string): Shape | undefined {
  const operators: string[] = [];
  const sides = splitAtTop(text, RELATION, (operator) => operators.push(OPERATORS[operator] ?? operator));
  if (operators.length === 0 || sides.some((side) => side.trim() === '')) return undefined;
  return { kind: 'relation', operators, sides: sides.map((side) => side.trim()) };
}

/** `3 ± 2` are two numbers. */
function bothSigns(text: string, depth: number): Shape | undefined {
  const signs = text.match(/\\pm(?![A-Za-z])|±/g) ?? [];
  if (signs.length !== 1) return undefined;
  const items = ['+', '-'].map((sign) => shapeOf(text.replace(/\\pm(?![A-Za-z])|±/, `${sign} `), depth + 1));
  return { kind: 'items', form: 'list', ordered: false, items };
}

/** Words behind a formula are its unit: `2\sqrt{3}\text{ cm}`. */
function leaf(text: string): Shape {
  const plain = plainText(text).trim();
  const found = /\\(?:sin|cos|tan|cot)/.test(plain)
    ? null
    : /(?<=[\d})πi\]]|\\pi)\s*(°|(?<=\s)[a-z]{2,}(?:[ /^]+[a-z\d]+)*)\s*$/.exec(plain);
  const behind = `1 ${found?.[1]}`;
  const unit = found === null ? undefined : readUnit(behind, 1);
  // `5 feet 3 inches` is more than a number and a unit.
  if (found === null || typeof unit !== 'object' || unit.unit === undefined || unit.end < behind.length)
    return { kind: 'leaf', text, quantity: undefined, unit: undefined };
  return { kind: 'leaf', text: plain.slice(0, found.index).trim(), quantity: undefined, unit: unit.unit };
}

const ALL_NUMBERS = /^\s*(?:\\mathbb\s*\{?\s*R\s*\}?|\\R|(?:all )?real numbers)\s*$/i;

/** Without formula delimiters, size commands, spacing commands, emphasis and a final period. */
function bare(answer: string): string {
  let text = singleBackslashes(answer)
    .replace(/\\q?quad(?![A-Z])/g, ' ')
    .replace(/(?<!\\)\\$/, '')
    .replace(/\\(?:left|right|big|Big|bigg|Bigg|displaystyle|limits)(?![A-Za-z])/g, '')
    .replace(/(?<!\\)\\(?:[,;!:]|\s)/g, ' ')
    .replace(/\\(?:text|mathrm|mbox|textbf)\s*\{\s*(and|or)\s*\}/g, ' $1 ')
    .replace(/(?<=\d)\{,\}(?=\d)/g, '')
    .replaceAll('\\lbrace', '\\{')
    .replaceAll('\\rbrace', '\\}')
    .replace(/\+\s*\\infty/g, '\\infty')
    .replace(/\\varnothing|∅/g, '\\emptyset')
    .replace(/^\s*\\text\s*\{([^{}]*)\}\s*$/, '$1')
    .replace(ALL_NUMBERS, '(-\\infty, \\infty)')
    .trim();
  for (;;) {
    const next = text
      .replace(
        /^(?:\$\$([^$]+)\$\$|\$([^$]+)\$|\\\(([\s\S]+)\\\)|\\\[([\s\S]+)\\\]|\*\*([^*]+)\*\*)[.,;]?$/,
        (_, ...groups) => (groups.slice(0, 5) as (string | undefined)[]).find((group) => group !== undefined) ?? '',
      )
      .replace(/(?<!\.)[.,;]$/, '')
      .trim();
    if (next === text) return withoutRounding(text).replace(/(?<!\\)\$(?=[^$]*(?<!\\)\$)|(?<=[^\\])\$$/g, '');
    text = next;
  }
}

/** Of `12\pi ≈ 37.7` the exact value. In `x ≈ 3`, and where several values are rounded, the sign stands for an equals sign. */
function withoutRounding(text: string): string {
  const [exact = '', ...rounded] = text.split(/\\approx(?![A-Za-z])|≈/).map((part) => part.trim());
  if (exact === '' || rounded.length === 0) return rounded.length === 0 ? text : rounded.join(' = ');
  return rounded.length > 1 || isName(exact) ? [exact, ...rounded].join(' = ') : exact;
}

function isBalanced(text: string): boolean {
  let depth = 0;
  for (const character of text.replace(/\\[{}]/g, (brace) => (brace === '\\{' ? '(' : ')'))) {
    if ('([{'.includes(character)) depth++;
    else if (')]}'.includes(character) && --depth < 0) return false;
  }
  return depth === 0;
}
