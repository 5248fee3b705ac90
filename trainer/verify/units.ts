/** What stands behind a number: `scale` multiplies it; `unit` is in a normal form (`hour`, `$`, `mile/hour`, `foot^2`). */
export interface UnitReading {
  readonly unit: string | undefined;
  readonly scale: bigint;
  readonly percent: boolean;
  readonly end: number;
}

const ALIASES = aliases({
  hour: 'h hr hrs',
  minute: 'min mins',
  second: 's sec secs',
  day: '',
  week: 'wk wks',
  month: '',
  year: 'yr yrs',
  meter: 'm metre',
  kilometer: 'km kms kilometre',
  centimeter: 'cm cms centimetre',
  millimeter: 'mm millimetre',
  mile: 'mi',
  foot: 'ft feet',
  inch: 'inches',
  yard: 'yd yds',
  gram: 'g gm gms',
  kilogram: 'kg kgs kilo',
  milligram: 'mg',
  pound: 'lb lbs',
  ounce: 'oz',
  ton: 'tonne',
  liter: 'l litre',
  milliliter: 'ml millilitre',
  gallon: 'gal',
  quart: 'qt',
  decimeter: 'dm decimetre',
  radian: 'rad rads',
  degree: '° deg',
  'mile/hour': 'mph',
  'kilometer/hour': 'kmh kph',
  $: '＄ dollar buck usd',
  '¢': 'cent',
  '€': 'euro eur',
  '£': 'gbp',
  '₹': 'rupee rs inr',
  '¥': 'yen yuan jpy cny',
  person: 'people',
  child: 'children',
  man: 'men',
  woman: 'women',
  mouse: 'mice',
  tooth: 'teeth',
  goose: 'geese',
  half: 'halves',
  leaf: 'leaves',
  loaf: 'loaves',
  shelf: 'shelves',
  knife: 'knives',
  calf: 'calves',
  wolf: 'wolves',
});
/** Capitals that are units where they stand apart from the number: `5 N`. */
const CAPITALS: Readonly<Record<string, string>> = {
  N: 'newton',
  J: 'joule',
  W: 'watt',
  K: 'kelvin',
  V: 'volt',
  T: 'tesla',
};
const SCALES: Readonly<Record<string, bigint>> = {
  dozen: 12n,
  hundred: 100n,
  thousand: 1000n,
  million: 1000000n,
  billion: 1000000000n,
  trillion: 1000000000000n,
};
/** Words that end the name of a unit: `42 apples in total`. */
const STOPS = new Set(
  `in of for on at is are was were be being left total altogether more remaining extra from with after before because since so as by during
  which that who now today old long tall wide high deep apart away ago later early late worth due needed used sold together overall only just
  again then here there per-se respectively instead`.split(/\s+/),
);
/** Words that make an expression of the number before them. */
const MATHEMATICS = new Set(
  `pi sqrt root roots squared cubed half halves third thirds fourth fourths fifth fifths sixth sixths seventh sevenths eighth eighths ninth ninths
  tenth tenths hundredth hundredths thousandth thousandths factorial mod modulo point`.split(/\s+/),
);
/** Words after which more than the number and its unit has been said. */
const CLAUSES = new Set(
  'times plus minus over divided multiplied and or to out than if when where unless but not nor between either below'.split(
    ' ',
  ),
);
const PER = new Set(['per', 'a', 'an', 'each', 'every', '/']);
const POWERS: Readonly<Record<string, number>> = {
  square: 2,
  sq: 2,
  squared: 2,
  '2': 2,
  '²': 2,
  cubic: 3,
  cu: 3,
  cubed: 3,
  '3': 3,
  '³': 3,
};
const PERCENT = /\s*(?:%|(?:per ?cent(?:age)?|percentage points?|pct)(?!\p{L}))/iuy;
const SYMBOL = /\s*([$＄€£¥₹¢]|°(?:\s*[CF](?!\p{L}))?)/uy;
const ORDINAL = /(?:st|nd|rd|th)(?!\p{L})/uy;
const WORD = /([ \u00A0\u2009\u202F-]*)(\p{L}[\p{L}'’]*)(?:\.(?=\s*\p{Ll}))?/uy;
const EXPONENT = /\s*(?:\^\s*\{?\s*([23])\s*\}?|([²³]))/y;
const SLASH = /\s*\/(?=\s*\p{L})/uy;

/**
 * Reads percent sign, scale words, currency and unit behind a number.
 *
 * @param money currency that stood before the number
 * @returns `expression` where the number is only a part of one (`5x`, `5 pi`), `clause` where more is said (`5 or 6`, `5 if it rains`)
 */
export function readUnit(text: string, at: number, money?: string): UnitReading | 'expression' | 'clause' {
  const percent = sticky(PERCENT, text, at);
  if (percent !== undefined) return { unit: undefined, scale: 1n, percent: true, end: at + percent[0].length };
  const scale = readScale(text, at);
  const symbol = sticky(SYMBOL, text, scale.end);
  const start = sticky(ORDINAL, text, scale.end)?.[0].length ?? symbol?.[0].length ?? 0;
  const unit = symbol === undefined ? money : symbolUnit(symbol[1] as string);
  const { words, end } = readWords(text, scale.end + start);
  const isGlued = start === 0 && scale.end === at && /^\p{L}/u.test(words[0]?.text ?? '') && words[0]?.gap === '';
  return problemWith(words, isGlued) ?? { unit: nameUnit(words, unit), scale: scale.factor, percent: false, end };
}

/** Can the two units mean the same? A missing one fits any. `pounds` are money or weight, degrees of whatever scale. */
export function sameUnit(a: string | undefined, b: string | undefined): boolean {
  if (a === undefined || b === undefined || a === b) return true;
  const isEither = (one: string, other: string) => (a === one && b === other) || (a === other && b === one);
  return isEither('pound', '£') || isEither('degree', 'degree c') || isEither('degree', 'degree f');
}

/** `°C` is `degree c`: another unit than `°F`, and than an angle's. */
function symbolUnit(symbol: string): string {
  const scale = symbol.startsWith('°') ? symbol.slice(1).trim().toLowerCase() : '';
  return scale === '' ? canonical(symbol.slice(0, 1)) : `degree ${scale}`;
}

/** The normal form of a currency sign or code, or undefined for another word. */
export function currency(word: string): string | undefined {
  const unit = canonical(word);
  return '$¢€£₹¥'.includes(unit) ? unit : undefined;
}

function readScale(text: string, at: number): { factor: bigint; end: number } {
  let factor = 1n;
  let end = at;
  for (;;) {
    const word = sticky(/\s+(\p{L}+)(?!\p{L})/uy, text, end);
    const scale = SCALES[(word?.[1] ?? '').toLowerCase().replace(/s$/, '')];
    if (word === undefined || scale === undefined) return { factor, end };
    factor *= scale;
    end += word[0].length;
  }
}

interface Word {
  readonly text: string;
  readonly gap: string;
}

/** The words behind a number, with exponents and slashes as words of their own. */
function readWords(text: string, at: number): { words: Word[]; end: number } {
  const words: Word[] = [];
  for (let end = at; ; ) {
    const exponent = words.length > 0 ? sticky(EXPONENT, text, end) : undefined;
    const slash = words.length > 0 ? sticky(SLASH, text, end) : undefined;
    const word = sticky(WORD, text, end);
    const found = exponent ?? slash ?? word;
    if (found === undefined) return { words, end };
    if (exponent !== undefined) words.push({ text: exponent[1] ?? (exponent[2] as string), gap: '^' });
    else if (slash !== undefined) words.push({ text: '/', gap: '' });
    else words.push(toWord(word?.[2] as string, word?.[1] as string));
    end += found[0].length;
  }
}

function toWord(text: string, gap: string): Word {
  const isApart = gap !== '' && Object.hasOwn(CAPITALS, text);
  return { text: isApart ? (CAPITALS[text] as string) : text, gap };
}

function problemWith(words: readonly Word[], isGlued: boolean): 'expression' | 'clause' | undefined {
  const lower = words.map((word) => word.text.toLowerCase());
  if (isGlued && !isUnitName(words[0]?.text as string)) return 'expression';
  // Stuck to a number, `s^2` is the square of a variable.
  if (isGlued && words[1]?.gap === '^' && /^[^m]$/i.test(words[0]?.text as string)) return 'expression';
  for (const [i, word] of lower.slice(0, nameLength(lower)).entries()) {
    const isPowerOfUnit = i > 0 && (word === 'squared' || word === 'cubed');
    if (MATHEMATICS.has(word) && !isPowerOfUnit) return 'expression';
    // `a` is a word in `5 a day`, and a variable in `5 a^2`.
    if (word === 'a' && i === 0 && (words[1] === undefined || words[1].gap === '^')) return 'expression';
    const isWord = Array.from(word).length > 1 || PER.has(word) || ALIASES.has(word) || words[i]?.gap === '^';
    // Small single letters are variables; `I` begins a clause.
    if (!isWord) return words[i]?.text === word ? 'expression' : 'clause';
  }
  return lower.some((word) => CLAUSES.has(word)) ? 'clause' : undefined;
}

/** Stuck to a number, a capital is a unit for liters only: `5M` may be millions. */
function isUnitName(word: string): boolean {
  const isCapital = /^[A-Z]$/.test(word) && word !== 'L';
  return !isCapital && (ALIASES.has(word.toLowerCase()) || ALIASES.has(singular(word.toLowerCase())));
}

/** How many of the words name the unit: those before the first stop word or clause. */
function nameLength(words: readonly string[]): number {
  // Behind a slash, `in` is an inch.
  const isStop = (word: string, i: number) => STOPS.has(word) && !(word === 'in' && words[i - 1] === '/');
  const stop = words.findIndex((word, i) => isStop(word, i) || CLAUSES.has(word));
  return stop === -1 ? words.length : stop;
}

/** The last noun before a word that ends the name, with its power and what it is per: `square feet of carpet` is `foot^2`. */
function nameUnit(words: readonly Word[], money: string | undefined): string | undefined {
  const lower = words.map((word) => word.text.toLowerCase());
  const name = lower.slice(0, nameLength(lower));
  const per = name.findIndex((word, i) => PER.has(word) && (i > 0 || money !== undefined));
  const [above, below] = per === -1 ? [name, []] : [name.slice(0, per), name.slice(per + 1)];
  const noun =
    money ??
    above
      .filter((word) => !(word in POWERS) && !PER.has(word))
      .map(canonical)
      .at(-1);
  if (noun === undefined) return undefined;
  const divisor = below.filter((word) => !(word in POWERS))[0];
  return `${noun}${powerOf(above)}${divisor === undefined ? '' : `/${canonical(divisor)}${powerOf(below)}`}`;
}

function powerOf(words: readonly string[]): string {
  const power = words.map((word) => POWERS[word]).find((found) => found !== undefined);
  return power === undefined ? '' : `^${power}`;
}

function canonical(word: string): string {
  const lower = word.toLowerCase();
  const direct = ALIASES.get(lower);
  if (direct !== undefined) return direct;
  const single = singular(lower);
  return ALIASES.get(single) ?? single;
}

function singular(word: string): string {
  if (/(?:s|x|z|ch|sh)es$/.test(word)) return word.slice(0, -2);
  if (/[^aeiou]ies$/.test(word)) return `${word.slice(0, -3)}y`;
  return /[^s]s$/.test(word) && word.length > 2 ? word.slice(0, -1) : word;
}

function aliases(table: Readonly<Record<string, string>>): Map<string, string> {
  return new Map(
    Object.entries(table).flatMap(([unit, names]) =>
      [unit, ...names.split(' ')].filter((name) => name !== '').map((name) => [name, unit]),
    ),
  );
}

function sticky(pattern: RegExp, text: string, at: number): RegExpExecArray | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text) ?? undefined;
}
