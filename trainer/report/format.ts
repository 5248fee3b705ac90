/** Narrow space that does not break: between a number and its unit. */
const THIN = '\u202f';
const MINUS = '\u2212';

/** A share as a percentage: 0.6123 -> `61.2 %`. */
export function percent(ratio: number, digits = 1): string {
  return `${signed((ratio * 100).toFixed(digits))}${THIN}%`;
}

/** A difference of shares in percentage points, always with its sign: 0.062 -> `+6.2`. */
export function points(difference: number): string {
  const text = (difference * 100).toFixed(1);
  if (Number(text) === 0) return '0.0';
  return difference > 0 ? `+${text}` : signed(text);
}

/** A relative change with its sign: -0.263 -> `−26 %`. */
export function change(ratio: number): string {
  const text = (ratio * 100).toFixed(0);
  if (Number(text) === 0) return `±0${THIN}%`;
  return `${ratio > 0 ? `+${text}` : signed(text)}${THIN}%`;
}

/** Three decimals, fewer for large values: entropies and losses in nats. */
export function nats(value: number): string {
  return signed(Math.abs(value) >= 100 ? value.toFixed(1) : value.toFixed(3));
}

/** A whole number with thousands separated. */
export function count(value: number): string {
  return signed(Math.round(value).toLocaleString('en-US'));
}

/** A number and its noun: (1, 'response') -> `1 response`. */
export function counted(value: number, noun: string, plural = `${noun}s`): string {
  return `${count(value)} ${value === 1 ? noun : plural}`;
}

/** A large count in three digits, from ten thousand on with a unit: 31300 -> `31.3 k`, 1234567 -> `1.23 M`. */
export function compact(value: number): string {
  if (Math.abs(value) < 1e4) return count(value);
  const rounded = Number(value.toPrecision(3));
  const [size, unit] = UNITS.find(([least]) => Math.abs(rounded) >= least) ?? [1, ''];
  return `${signed((rounded / size).toPrecision(3))}${THIN}${unit}`;
}

const UNITS: readonly (readonly [number, string])[] = [
  [1e12, 'T'],
  [1e9, 'G'],
  [1e6, 'M'],
  [1e3, 'k'],
];

/** A learning rate as people write it: 0.0001 -> `1e-4`, 0.00025 -> `2.5e-4`. */
export function learningRate(value: number): string {
  if (value === 0) return '0';
  const [mantissa = '', exponent = ''] = value.toExponential(2).split('e');
  return `${Number(mantissa)}e${exponent.replace('+', '')}`;
}

/** A p-value with what can be known of it: `0.213`, `0.004`, `< 0.001`. */
export function pValue(p: number): string {
  if (p < 0.001) return `<${THIN}0.001`;
  return p >= 0.9995 ? '1' : p.toFixed(p < 0.01 ? 3 : 2);
}

/** The p-value as an equation that does not break over lines: `p = 0.21`, `p < 0.001`. */
export function pEquation(p: number): string {
  const text = pValue(p);
  return text.startsWith('<') ? `p\u00a0${text}` : `p\u00a0=\u00a0${text}`;
}

/** A duration in its two largest units: `42 s`, `3 min 12 s`, `2 h 05 min`. */
export function duration(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 10) return `${seconds.toFixed(1)}${THIN}s`;
  if (whole < 60) return `${whole}${THIN}s`;
  if (whole < 3600) return `${Math.floor(whole / 60)}${THIN}min\u00a0${whole % 60}${THIN}s`;
  const minutes = Math.round(whole / 60);
  return `${Math.floor(minutes / 60)}${THIN}h\u00a0${String(minutes % 60).padStart(2, '0')}${THIN}min`;
}

/** Date and time in UTC, to the minute: `2026-03-04 15:06 UTC`. */
export function utc(iso: string): string {
  return `${iso.slice(0, 10)} ${iso.slice(11, 16)} UTC`;
}

/** `a`, `a and b`, `a, b and c`. */
export function listed(items: readonly string[]): string {
  if (items.length <= 1) return items.join('');
  return `${items.slice(0, -1).join(', ')} and ${items.at(-1)}`;
}

function signed(text: string): string {
  return text.replace(/^-/, MINUS);
}
