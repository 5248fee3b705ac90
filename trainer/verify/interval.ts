import { type Shape, shapeOf } from './shape.ts';

type Relation = Extract<Shape, { kind: 'relation' }>;
type Items = Extract<Shape, { kind: 'items' }>;

const INTERVALS = new Set(['()', '[]', '(]', '[)']);
const NAME =
  /^(?:(?:[A-Za-z]|\\(?:theta|alpha|beta|gamma|lambda|mu|phi|omega))(?:_\{?\w\}?)?|[A-Za-z]\s*\(\s*[a-z]\s*\))$/;

/** Whether a shape can stand for a set of numbers as intervals do. An open interval looks like a pair. */
export function isInterval(shape: Shape): shape is Items {
  return shape.kind === 'items' && (shape.form === 'union' || (INTERVALS.has(shape.form) && shape.items.length === 2));
}

/**
 * An inequality of one variable, or several of them joined by "or", as an interval or a union of intervals: `1 < x ≤ 3` and `x > 1 and x ≤ 3`
 * are `(1, 3]`, `|x| < 3` is `(-3, 3)`.
 *
 * @returns undefined for any other shape
 */
export function asInterval(shape: Shape): Items | undefined {
  if (shape.kind === 'relation') return interval(shape);
  if (shape.kind !== 'items' || (shape.form !== 'list' && shape.form !== 'both')) return undefined;
  const items = shape.items.map(asInterval);
  if (!items.every((item) => item !== undefined)) return undefined;
  if (shape.form === 'both') return between(items, shape.items);
  return { kind: 'items', form: 'union', ordered: false, items };
}

/** `x > 1 and x ≤ 3` */
function between(intervals: readonly Items[], relations: readonly Shape[]): Items | undefined {
  const names = relations.flatMap((shape) =>
    shape.kind === 'relation' ? shape.sides.filter((side) => NAME.test(side)) : [],
  );
  const hasEnd = ({ items }: Items, end: number) => {
    const item = items[end];
    return item?.kind === 'leaf' && !item.text.includes('\\infty');
  };
  const [from, ...others] = intervals.filter((one) => hasEnd(one, 0) && !hasEnd(one, 1));
  const [to] = intervals.filter((one) => hasEnd(one, 1) && !hasEnd(one, 0));
  const isPair = intervals.length === 2 && others.length === 0 && new Set(names).size === 1;
  if (!isPair || from === undefined || to === undefined) return undefined;
  const items = [from.items[0] as Shape, to.items[1] as Shape];
  return { kind: 'items', form: `${from.form[0]}${to.form[1]}`, ordered: true, items };
}

function interval({ operators, sides }: Relation): Items | undefined {
  const [size, limit] = sides;
  const within = sides.length === 2 ? /^\|\s*([a-z])\s*\|$/.exec(size ?? '')?.[1] : undefined;
  if (within !== undefined && limit !== undefined && /[<≤]/.test(operators.join()))
    return interval({
      kind: 'relation',
      operators: [...operators, ...operators],
      sides: [`-(${limit})`, within, limit],
    });
  if (operators.every((operator) => operator === '>' || operator === '≥')) {
    const mirrored = operators.map((operator) => (operator === '>' ? '<' : '≤')).reverse();
    return interval({ kind: 'relation', operators: mirrored, sides: [...sides].reverse() });
  }
  if (!operators.every((operator) => operator === '<' || operator === '≤')) return undefined;
  const at = sides.findIndex((side) => NAME.test(side));
  const isBetween = sides.length === 3 && at === 1;
  if (at === -1 || !(isBetween || sides.length === 2)) return undefined;
  const [below, above] = [sides[at - 1], sides[at + 1]];
  const opens = below !== undefined && operators[at - 1] === '≤' ? '[' : '(';
  const closes = above !== undefined && operators[at] === '≤' ? ']' : ')';
  const items = [below ?? '-\\infty', above ?? '\\infty'].map((end) => shapeOf(end));
  return { kind: 'items', form: `${opens}${closes}`, ordered: true, items };
}
