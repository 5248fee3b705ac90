import { plainText } from './plain-text.ts';

const MONTHS = 'jan feb mar apr may jun jul aug sep oct nov dec'.split(' ');
const NAME =
  '(january|february|march|april|may|june|july|august|september|october|november|december|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)\\.?';
const DAY = '(\\d{1,2})(?:st|nd|rd|th)?';
const WEEKDAY = '(?:(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?,?\\s+)?';
const MONTH_FIRST = new RegExp(`^${WEEKDAY}${NAME}\\s+${DAY}(?:\\s*,?\\s+(\\d{4}))?$`, 'i');
const DAY_FIRST = new RegExp(`^${WEEKDAY}(?:the\\s+)?${DAY}\\s+(?:of\\s+)?${NAME}(?:\\s*,?\\s+(\\d{4}))?$`, 'i');
const ISO = /^(\d{4})[-/](\d{1,2})[-/](\d{1,2})$/;
const TIME = /^(\d{1,2})(?::(\d{2}))?(?::(\d{2}))?\s*(?:([ap])\.?\s*m\.?)?$/i;

/** The day or the time of day that a text names, in a normal form; undefined for any other text. */
export function momentOf(text: string): string | undefined {
  const plain = plainText(text)
    .replace(/\s+/g, ' ')
    .replace(/^[\s$]+|[\s$]+$/g, '');
  return dayOf(plain) ?? timeOf(plain);
}

/**
 * The day that a text names, as `2024-01-05`, or `--01-05` without a year. `1/5/2024` is none: it depends on the country.
 *
 * @example dayOf('Jan. 5th, 2024') // '2024-01-05'
 */
function dayOf(text: string): string | undefined {
  const iso = ISO.exec(text);
  if (iso !== null) return day(iso[1], Number(iso[2]), Number(iso[3]));
  const monthFirst = MONTH_FIRST.exec(text);
  if (monthFirst !== null) return day(monthFirst[3], month(monthFirst[1] as string), Number(monthFirst[2]));
  const dayFirst = DAY_FIRST.exec(text);
  return dayFirst === null ? undefined : day(dayFirst[3], month(dayFirst[2] as string), Number(dayFirst[1]));
}

/**
 * The time of day that a text names, on the 24-hour clock, or followed by `?` where morning or afternoon is left open.
 *
 * @example timeOf('2:30 p.m.') // '14:30:00'
 */
function timeOf(text: string): string | undefined {
  const [, hours, minutes, seconds = '00', half] = TIME.exec(text) ?? [];
  if (hours === undefined || (minutes === undefined && half === undefined)) return undefined;
  const hour = Number(hours);
  if (Number(minutes ?? 0) > 59 || Number(seconds) > 59 || hour > 24) return undefined;
  if (half === undefined) {
    const isOpen = hour >= 1 && hour <= 12 && hours.length < 3 && !hours.startsWith('0');
    return `${String(hour).padStart(2, '0')}:${minutes}:${seconds}${isOpen ? '?' : ''}`;
  }
  if (hour < 1 || hour > 12) return undefined;
  const shifted = (hour % 12) + (/p/i.test(half) ? 12 : 0);
  return `${String(shifted).padStart(2, '0')}:${minutes ?? '00'}:${seconds}`;
}

function month(name: string): number {
  return MONTHS.indexOf(name.slice(0, 3).toLowerCase()) + 1;
}

function day(year: string | undefined, monthNumber: number, dayNumber: number): string | undefined {
  const isReal = monthNumber >= 1 && monthNumber <= 12 && dayNumber >= 1 && dayNumber <= 31;
  const two = (value: number) => String(value).padStart(2, '0');
  return isReal ? `${year ?? '-'}-${two(monthNumber)}-${two(dayNumber)}` : undefined;
}
