import { plainText } from './plain-text.ts';
import { parseQuantity } from './quantity.ts';

const LONGEST_FORMULA = 300;
// A dollar sign that a digit follows is money: it closes nothing.
const FORMULA =
  /(?<!\\)\$\$?(?=\S)([^$]+)(?<=\S)(?<!\\)\$\$?(?!\d)|(?<!\\)\$\$?\s+([^$]+?)\s+\$\$?(?!\d)|\\\(([^()]+|[\s\S]+?)\\\)|\\\[([\s\S]+?)\\\]/g;
const FORMULA_AT_END = new RegExp(`(?:${FORMULA.source})([^\\d$\\\\]{0,150})$`);
const JOINT = /^\s*(?:,|,?\s*(?:and|or))\s*$/;
const DENIED = /\b(?:not|no|never|cannot|wrong|false|impossible|only if|or)\b|n't/i;

/** Words that a formula ends with, such as `\\text{ cm}^2`. */
const UNIT = /\\(?:text|mathrm|mbox)\s*\{[^{}]*\}(?:\^\{?\d\}?)?\s*\$*[.\s]*$/;

/** The formulas of a text, between `$`, `\(` and `\)`, or `\[` and `\]`, and the text without them. */
export function formulasIn(text: string): { formulas: string[]; around: string } {
  return { formulas: [...text.matchAll(FORMULA)].map(inner), around: text.replace(FORMULA, ' ') };
}

/**
 * The formula that a text ends with, but for words behind it: `so $x > 5$ is the solution.` `isDenied` tells that those words take it back. A
 * number alone is left to the rule for numbers, which knows money.
 */
export function formulaAtEnd(text: string): { formula: string; isDenied: boolean } | undefined {
  const end = text.slice(-LONGEST_FORMULA);
  const found = FORMULA_AT_END.exec(end);
  if (found === null) return undefined;
  const isDenied = DENIED.test(found[5] ?? '');
  const joined = joinedFormulas(end.slice(0, end.length - (found[5] ?? '').length));
  if (joined.length > 1) return { formula: joined.join(', '), isDenied };
  const formula = inner(found);
  const isWord = /^\\text\s*\{[^{}]*\}$/.test(formula);
  if (
    !isWord &&
    (hasWords(formula.replace(UNIT, ' ')) || (parseQuantity(formula) !== undefined && !formula.includes('=')))
  )
    return undefined;
  return { formula, isDenied };
}

/** The formulas at the end of a text that `and` or `or` joins: `$x = 2$ or $x = 3$`. */
function joinedFormulas(text: string): string[] {
  const joined: string[] = [];
  let next = text.length;
  for (const found of [...text.matchAll(FORMULA)].reverse()) {
    const between = text.slice(found.index + found[0].length, next);
    const isJoined =
      joined.length === 0 ? between === '' : JOINT.test(between) && (joined.length > 1 || /\w/.test(between));
    if (!isJoined || hasWords(inner(found))) break;
    joined.unshift(inner(found));
    next = found.index;
  }
  return joined;
}

/** A text that is a formula and nothing else. */
export function wholeFormula(text: string): string | undefined {
  const line = text.trim();
  const isOneLine = !line.includes('\n') || isMatrix(line);
  if (line.length > LONGEST_FORMULA || !isOneLine || !/\d|\\[A-Za-z]|[=^]/.test(line)) return undefined;
  const plain = readable(line.replace(UNIT, ' '));
  const isSentence = /(?<![\\A-Za-z])(?!(?:and|or|sqrt|pi)\b)[A-Za-z]{2,}|(?<!\d)!$|\?$|^[-*•]\s/.test(plain);
  return isSentence ? undefined : line;
}

/** A text that is a matrix and nothing else, which may take several lines. */
function isMatrix(text: string): boolean {
  return /^[$([\s]*\\begin\s*\{[\s\S]*\\end\s*\{\w+\}[$)\]\s]*$/.test(text.trim());
}

function inner(match: RegExpMatchArray): string {
  return (match.slice(1, 5).find((group) => group !== undefined) ?? '').trim();
}

function hasWords(formula: string): boolean {
  return /(?<![\\A-Za-z])(?!(?:and|or)\b)[A-Za-z]{3,}/.test(readable(formula));
}

function readable(formula: string): string {
  return plainText(formula.replace(/\\(?:begin|end)\s*\{\w+\}(?:\s*\{[lcr|\s]*\})?/g, ' '));
}
