/** The lowest and highest value of an axis. */
export interface Domain {
  readonly from: number;
  readonly to: number;
}

/** Smallest and largest finite value; undefined when there is none. */
export function extent(values: Iterable<number>): Domain | undefined {
  let from = Number.POSITIVE_INFINITY;
  let to = Number.NEGATIVE_INFINITY;
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    if (value < from) from = value;
    if (value > to) to = value;
  }
  return from <= to ? { from, to } : undefined;
}

/** Round numbers (1, 2 or 5 times a power of ten) inside the domain, about `wanted` of them. */
export function ticks({ from, to }: Domain, wanted = 4): number[] {
  const step = niceStep((to - from) / wanted);
  const first = Math.ceil(from / step - 1e-9);
  const last = Math.floor(to / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, i) => tidy((first + i) * step));
}

/** Values that differ by less, next to their size or at all, are one value. */
const TINY = { relative: 1e-9, absolute: 1e-12 };

/** The domain widened to round numbers, so that the first and last tick lie on its ends. A domain of one value gets room around it. */
export function niceDomain({ from, to }: Domain, wanted = 4): Domain {
  const size = Math.max(Math.abs(from), Math.abs(to));
  if (to - from <= Math.max(size * TINY.relative, TINY.absolute)) {
    const room = size * 0.1 > TINY.absolute ? size * 0.1 : 1;
    return niceDomain({ from: from - room, to: to + room }, wanted);
  }
  const step = niceStep((to - from) / wanted);
  return { from: tidy(Math.floor(from / step + 1e-9) * step), to: tidy(Math.ceil(to / step - 1e-9) * step) };
}

/** Where a value lies in the domain, from 0 to 1. */
export function position(value: number, { from, to }: Domain): number {
  return to === from ? 0.5 : (value - from) / (to - from);
}

function niceStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough));
  const fraction = rough / power;
  return power * (fraction <= 1 ? 1 : fraction <= 2 ? 2 : fraction <= 5 ? 5 : 10);
}

/** Without the last bits of floating-point noise: 0.30000000000000004 -> 0.3. */
function tidy(value: number): number {
  return Number(value.toPrecision(12));
}
