import { divide, multiply, power, type Rational, rational } from './rational.ts';

/** What a unit measures, and how much of it: units that measure the same can be converted. */
export interface Measure {
  readonly kind: string;
  readonly size: Rational;
}

/** Only exact conversions that hold everywhere: no month in days, no ton, no dry or imperial gallon. */
const SIZES: Readonly<Record<string, readonly [kind: string, above: bigint, below?: bigint]>> = {
  millimeter: ['length', 1n, 1000n],
  centimeter: ['length', 1n, 100n],
  decimeter: ['length', 1n, 10n],
  meter: ['length', 1n],
  kilometer: ['length', 1000n],
  inch: ['length', 254n, 10_000n],
  foot: ['length', 3048n, 10_000n],
  yard: ['length', 9144n, 10_000n],
  mile: ['length', 1_609_344n, 1000n],
  milliliter: ['length^3', 1n, 1_000_000n],
  liter: ['length^3', 1n, 1000n],
  cup: ['cup', 1n],
  pint: ['cup', 2n],
  quart: ['cup', 4n],
  gallon: ['cup', 16n],
  milligram: ['gram', 1n, 1000n],
  gram: ['gram', 1n],
  kilogram: ['gram', 1000n],
  ounce: ['ounce', 1n],
  pound: ['ounce', 16n],
  second: ['second', 1n],
  minute: ['second', 60n],
  hour: ['second', 3600n],
  day: ['second', 86_400n],
  week: ['second', 604_800n],
  month: ['month', 1n],
  year: ['month', 12n],
  decade: ['month', 120n],
  '¢': ['money', 1n],
  $: ['money', 100n],
};

/**
 * @param unit in the normal form that units.ts gives: `foot`, `meter^2`, `mile/hour`
 * @returns undefined for a unit that is not converted
 */
export function measureOf(unit: string | undefined): Measure | undefined {
  const [above, below, ...others] = (unit ?? '').split('/').map(powerOfUnit);
  if (above === undefined || others.length > 0) return undefined;
  if (!unit?.includes('/')) return above;
  const size = below === undefined ? undefined : divide(above.size, below.size);
  return below === undefined || size === undefined ? undefined : { kind: `${above.kind}/${below.kind}`, size };
}

function powerOfUnit(text: string): Measure | undefined {
  const [name = '', exponent = '1'] = text.split('^');
  if (!Object.hasOwn(SIZES, name)) return undefined;
  const [kind, above, below] = SIZES[name] as [string, bigint, bigint?];
  const size = power(rational(above, below), Number(exponent));
  return size === undefined ? undefined : { kind: exponent === '1' ? kind : `${kind}^${exponent}`, size };
}

/** A number in its unit, measured in the kind's own unit. */
export function measured(value: Rational, { size }: Measure): Rational {
  return multiply(value, size);
}
