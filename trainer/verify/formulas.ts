import { plainText } from './plain-text.ts';
import { parseQuantity } from './quantity.ts';

const LONGEST_FORMULA = 300;
// A dollar sign that a digit follows is money: it closes nothing.
const FORMULA =
  /(?<!\\)\$\$?(?=\S)([^$]+)(?<=\S)(?<!\\)\$\$?(?!\d)|(?<!\\)\$\$?\s+([^$]+?)\s+\$\$?(?!\d)|\\\(([^()]+|[\s\S]+?)\\\)|\\\[([\s\S]+?)\\\]/g;
const FORMULA_AT_END = new RegExp(`(?:${FORMULA.source})([^\\d$\\\\]{0,150})$`);
const DENIED = /\b(?:not|no|never|cannot|wrong|false|impossible|only if|or)\b|n't/i;

/** The formulas of a text, between `$`, `\(` and `\)`, or `\[` and `\]`, and the text without them. */
export function formulasIn(text: string): { formulas: string[]; around: string } {
  return { formulas: [...text.matchAll(FORMULA)].map(inner), around: text.replace(FORMULA, ' ') };
}

/**
 * The formula that a text ends with, but for words behind it: `so $x > 5$ is the solution.` `isDenied` tells that those words take it back. A
 * number alone is left to the rule for numbers, which knows money.
 */
export function formulaAtEnd(text: string): { formula: string; isDenied: boolean } | undefined {
  const found = FORMULA_AT_END.exec(text.slice(-LONGEST_FORMULA));
  if (found === null) return undefined;
  const formula = inner(found);
  if (hasWords(formula) || (parseQuantity(formula) !== undefined && !formula.includes('='))) return undefined;
  return { formula, isDenied: DENIED.test(found[5] ?? '') };
}

/** A text that is a formula and nothing else. */
export function wholeFormula(text: string): string | undefined {
  const line = text.trim();
  const isOneLine = !line.includes('\n') || isMatrix(line);
  if (line.length > LONGEST_FORMULA || !isOneLine || !/\d|\\[A-Za-z]|[=^]/.test(line)) return undefined;
  const isSentence = /(?<![\\A-Za-z])(?!(?:and|or|sqrt|pi)\b)[A-Za-z]{2,}|[!?]$|^[-*•]\s/.test(readable(line));
  return isSentence ? undefined : line;
}

/** A text that is a matrix and nothing else, which may take several lines. */
export function isMatrix(text: string): boolean {
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
