const COMMANDS: Readonly<Record<string, string>> = {
  dfrac: '\\frac',
  tfrac: '\\frac',
  cfrac: '\\frac',
  left: '',
  right: '',
  displaystyle: '',
  times: '×',
  cdot: '·',
  approx: '≈',
  pm: '±',
  div: '÷',
  pounds: '£',
  euro: '€',
  texteuro: '€',
  degree: '°',
  deg: '°',
  bf: '',
  rm: '',
  circ: '°',
  lbrace: '{',
  rbrace: '}',
  ldots: '...',
  dots: '...',
};
const SYMBOLS: Readonly<Record<string, string>> = {
  $: '＄',
  '%': '%',
  '#': '#',
  '&': '&',
  '(': ' ',
  ')': ' ',
  '[': ' ',
  ']': ' ',
  '!': '',
  ',': '\u2009',
  ';': ' ',
  ':': ' ',
  ' ': ' ',
};
const TEXT_COMMAND =
  /\\(?:text(?:bf|it|rm|sf|tt|up|normal)?|mathrm|mathbf|mathit|mathsf|mbox|operatorname|bf|rm)\s*\{([^{}]*)\}/g;

/** `$28$` in front of its unit or percent sign. */
const NUMBER_FORMULA = /(?<![\\\w$])\$\s*(-?\d[\d.,]*)\s*\$(?=\s*\\?%|\s+[A-Za-z]{2})/g;

/** `$28\text{ cm}^2$` */
const UNIT_FORMULA =
  /(?<![\\\w$])\$\s*((?:-?\d[\d.,]*|\\[dt]?frac\s*\{\d+\}\s*\{\d+\})(?:[\s~]|\\[,;:! ])*\\(?:text|textbf|mathrm|mbox)\s*\{[^{}$]*\}(?:\s*\^\s*\{?\d\}?)?)\s*\$/g;

/** `\\frac` as `\frac`: texts that were escaped once too often. In a matrix, two backslashes end a row. */
export function singleBackslashes(text: string): string {
  return text.includes('\\begin') ? text : text.replace(/\\\\(?=[A-Za-z{}%$,;!])/g, '\\');
}

/** What all dress has some of: most texts have none. */
const DRESSED = /[<０-９％．，＋－＝{$\\~`]|\*\*/;

/**
 * LaTeX and Markdown dress taken off a piece of text, so that what is left can be read as words and numbers. An escaped dollar, which
 * is money and never a delimiter, becomes a full-width one. GSM8K's calculator notes (`<<6*7=42>>42`) go too. Commands that mean something else (`\sqrt`, `\pi`) stay.
 */
export function plainText(text: string): string {
  if (!DRESSED.test(text)) return text;
  return singleBackslashes(text)
    .replace(/<<[^<>\n]{0,200}>>/g, '')
    .replace(/[０-９％．，＋－＝]/g, (character) => String.fromCharCode(character.charCodeAt(0) - 0xfee0))
    .replace(/(?<=\d)\s*\{\s*,\s*\}\s*(?=\d)/g, ',')
    .replace(NUMBER_FORMULA, '$1')
    .replace(UNIT_FORMULA, '$1')
    .replace(/(?<=\d),\\!\s*(?=\d)/g, ',')
    .replace(/(?<=[\w){}])~/g, ' ')
    .replace(/\^\s*\{?\s*\\(?:text|mathrm)\s*\{(st|nd|rd|th)\}\s*\}?/g, '$1')
    .replace(/\\(?:text)?color\s*\{[^{}]*\}/g, '')
    .replace(TEXT_COMMAND, ' $1 ')
    .replace(/\^\s*\{?\s*\\circ\b\s*\}?/g, '°')
    .replace(/\\q?quad(?![A-Z])/g, ' ')
    .replace(/\\([A-Za-z]+)/g, (whole, name: string) =>
      Object.hasOwn(COMMANDS, name) ? (COMMANDS[name] as string) : whole,
    )
    .replace(/\\([^A-Za-z0-9\s\\]| )/g, (whole, symbol: string) => SYMBOLS[symbol] ?? whole)
    .replace(/(?<![\w)*])\*\*([^*\n]+)\*\*(?![\w*])/g, '$1')
    .replace(/`+/g, '');
}
