import { plainText } from './plain-text.ts';

const LONGEST = 200;
const SIGNS: Readonly<Record<string, string>> = {
  '×': '\\times ',
  '·': '\\cdot ',
  '∙': '\\cdot ',
  '⋅': '\\cdot ',
  '*': '\\cdot ',
  '÷': '\\div ',
  '−': '-',
  '–': '-',
  π: '\\pi ',
  θ: '\\theta ',
  α: '\\alpha ',
  β: '\\beta ',
};
const SUPERSCRIPTS = '⁰¹²³⁴⁵⁶⁷⁸⁹';
const FUNCTIONS = 'arcsin|arccos|arctan|sinh|cosh|tanh|sin|cos|tan|cot|sec|csc|ln|log|exp|sqrt|pi';

/**
 * A formula as LaTeX that can be read in one way only, or undefined for anything else: words, relations, lists, and what people read
 * differently (`1/2x`, `2 3`).
 *
 * @example formulaLatex('2√3 + x²') // '2\\sqrt{3} + x^{2}'
 */
export function formulaLatex(text: string): string | undefined {
  if (text.length > LONGEST) return undefined;
  const latex = plainText(text)
    .replace(/(?<=\d),(?=\d{3}(?!\d))|(?<=\d)\u2009(?=\d{3}(?!\d))/g, '')
    .replace(/[\u2009\u00A0]/g, ' ')
    .replaceAll('**', '^')
    .replace(/\\lg(?![a-z])/g, '\\log')
    .replace(/\\(sin|cos|tan)\s*\^\s*\{\s*-1\s*\}/g, '\\arc$1')
    .replace(/\\[dt]binom(?![a-z])/g, '\\binom')
    .replace(/\\binom\s*(\w)\s*(\w)/g, '\\binom{$1}{$2}')
    .replace(/(?:\{|^)([^{}]+)\\choose(?![a-z])([^{}]+)(?:\}|$)/g, '\\binom{$1}{$2}')
    .replaceAll('°', '^{\\circ}')
    .replace(/_(\w)/g, '_{$1}')
    .replace(/[×·∙⋅*÷−–πθαβ]/g, (sign) => SIGNS[sign] as string)
    .replace(new RegExp(`[${SUPERSCRIPTS}]+`, 'g'), (digits) => `^{${plainDigits(digits)}}`)
    .replace(new RegExp(`(?<![\\\\A-Za-z])(?:${FUNCTIONS})(?![A-Za-z])`, 'g'), '\\$&')
    .replace(/√|\\sqrt(?=\s*\()/g, '\\sqrt')
    .replace(/\\sqrt\s*\(([^()]*)\)/g, '\\sqrt{$1}')
    .replace(/\\sqrt\s*(\d+)(?![\d}])/g, (whole, digits: string) => (text.includes('√') ? `\\sqrt{${digits}}` : whole))
    .replace(/\^\s*\(([^()]*)\)/g, '^{$1}')
    .replace(/\^\s*(-?\d{2,}|-\d)/g, '^{$1}')
    .trim();
  return isUnambiguous(latex) ? latex : undefined;
}

const KNOWN_COMMAND =
  /^(?:frac|sqrt|pi|times|cdot|div|sin|cos|tan|cot|sec|csc|arcsin|arccos|arctan|sinh|cosh|tanh|ln|log|exp|binom|overline|circ|theta|alpha|beta|gamma|delta|epsilon|lambda|mu|nu|rho|sigma|tau|phi|varphi|omega|Delta|Omega|lvert|rvert|mid|sum|prod|lfloor|rfloor|lceil|rceil)$/;
/** `1/2x`, `1/2 \pi`, `a/2(b)`: half of x, or one over two x? */
const AMBIGUOUS_SLASH = /\/\s*(?:[\d.]+|[A-Za-z]|\\[A-Za-z]+)\s*(?:[A-Za-z(]|\\(?!times|cdot|div))/;

const LOWER_LIMIT = /(?<=\\(?:sum|prod)\s*_\s*\{\s*[A-Za-z]\s*)=/g;

function isUnambiguous(formula: string): boolean {
  const latex = formula.replace(LOWER_LIMIT, ' ');
  if (!/[\p{L}\d]/u.test(latex) || /[^A-Za-z\d\s+\-/^_{}()[\]|!.\\]/.test(latex)) return false;
  if (/\d\s+[\d.]|(?<!overline\{)\.\s*\.|\\\\|\d\s*!\s*!/.test(latex)) return false;
  if ([...latex.matchAll(/\\([A-Za-z]*)/g)].some(([, name = '']) => !KNOWN_COMMAND.test(name))) return false;
  return !AMBIGUOUS_SLASH.test(latex) && !hasWords(latex);
}

/** Letters side by side are factors where they stick to a formula (`2xy`), and a word where they stand alone. */
function hasWords(latex: string): boolean {
  const letters = latex.replace(/\\[A-Za-z]+/g, (command) => ' '.repeat(command.length));
  const isFormula = /[\d^+\-/()]/.test(letters);
  return [...letters.matchAll(/[A-Za-z]{2,}/g)].some(({ 0: run, index }) => {
    const isGlued = /[\d)}^+\-/({]\s?$|^$/.test(letters.slice(Math.max(0, index - 2), index));
    return (
      !isFormula ||
      run.length > 3 ||
      !isGlued ||
      (/\s$/.test(letters.slice(0, index)) && /\d\s$/.test(letters.slice(0, index)))
    );
  });
}

function plainDigits(superscripts: string): string {
  return Array.from(superscripts, (digit) => SUPERSCRIPTS.indexOf(digit)).join('');
}
