const COMMANDS: Readonly<Record<string, string>> = {
  dfrac: '\\frac',
  tfrac: '\\frac',
  cfrac: '\\frac',
  left: '',
  right: '',
  displaystyle: '',
  quad: ' ',
  qquad: ' ',
  times: '×',
  cdot: '·',
  approx: '≈',
  pm: '±',
  div: '÷',
  pounds: '£',
  euro: '€',
  texteuro: '€',
  degree: '°',
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
  /\\(?:text|textbf|textit|textrm|mathrm|mathbf|mathit|mathsf|mbox|operatorname|bf|rm)\s*\{([^{}]*)\}/g;

/**
 * LaTeX and Markdown dress taken off a piece of text, so that what is left can be read as words and numbers. An escaped dollar, which
 * is money and never a delimiter, becomes a full-width one. GSM8K's calculator notes (`<<6*7=42>>42`) go too. Commands that mean something else (`\sqrt`, `\pi`) stay.
 */
export function plainText(text: string): string {
  return text
    .replace(/<<[^<>\n]{0,200}>>/g, '')
    .replace(/[０-９％．，＋－＝]/g, (character) => String.fromCharCode(character.charCodeAt(0) - 0xfee0))
    .replaceAll('{,}', ',')
    .replace(/(?<=\d),\\!\s*(?=\d)/g, ',')
    .replace(/(?<=[\w){}])~/g, ' ')
    .replace(/\^\s*\{?\s*\\(?:text|mathrm)\s*\{(st|nd|rd|th)\}\s*\}?/g, '$1')
    .replace(TEXT_COMMAND, ' $1 ')
    .replace(/\^\s*\{?\s*\\circ\b\s*\}?/g, '°')
    .replace(/\\([A-Za-z]+)/g, (whole, name: string) =>
      Object.hasOwn(COMMANDS, name) ? (COMMANDS[name] as string) : whole,
    )
    .replace(/\\([^A-Za-z0-9\s\\]| )/g, (whole, symbol: string) => SYMBOLS[symbol] ?? whole)
    .replace(/(?<![\w)*])\*\*([^*\n]+)\*\*(?![\w*])/g, '$1')
    .replace(/`+/g, '');
}
