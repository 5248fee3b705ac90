import { plainText } from './plain-text.ts';

/** `x`, `a_n`, `f(x)`, `AB`, `\angle ABC`. */
const PLAIN =
  /(?:m?\s*\\(?:angle|triangle)\s*)?(?:[A-Za-z]|[A-Z]{2,5}|\\[a-z]+)(?:_\{?\w+\}?)?(?:\s*\(\s*[A-Za-z\d]\s*\))?/.source;
/** A length, a ratio of lengths or areas, a function of an angle: `|AB|`, `S_1:S_2`, `\frac{AB}{CD}`, `\cos B`. */
const QUANTITY = [
  `\\|\\s*${PLAIN}\\s*\\|`,
  `(?=[A-Z])${PLAIN}\\s*[:/]\\s*(?=[A-Z])${PLAIN}`,
  `\\\\frac\\s*\\{\\s*(?=[A-Z])${PLAIN}\\s*\\}\\s*\\{\\s*(?=[A-Z])${PLAIN}\\s*\\}`,
  `\\\\(?:overline|vec|overrightarrow)\\s*\\{\\s*\\w+\\s*\\}`,
  `\\\\(?:sin|cos|tan|cot)\\s*${PLAIN}`,
].join('|');
const NAME = new RegExp(`^(?:${PLAIN}|${QUANTITY})$`);

/** Whether the left side of an equation only names what the right side is. */
export function isName(text: string): boolean {
  return NAME.test(text) || isTupleOfNames(text);
}

/** `(x, y)`, in the order of the alphabet, in which values are given without names. */
function isTupleOfNames(text: string): boolean {
  const letters = /^\(\s*([A-Za-z](?:\s*,\s*[A-Za-z])+)\s*\)$/.exec(text)?.[1]?.split(/\s*,\s*/);
  return letters?.every((letter, i) => i === 0 || (letters[i - 1] as string) < letter) ?? false;
}

/** The single letters of a formula. */
export function lettersOf(formula: string): Set<string> {
  return new Set(formula.replace(/\\[A-Za-z]+/g, ' ').match(/[A-Za-z]/g));
}

const UPWARDS = /\b(?:increas|gain|profit|up\b|rise\b|rose\b|higher)/i;
const DOWNWARDS = /\b(?:decreas|los[st]|loss|down\b|fall|fell\b|lower|drop|reduc)/i;

/** `increased by 6` and `decreased by 6` are different changes. */
export function directionsDiffer(a: string, b: string): boolean {
  const [left, right] = [a, b].map(directionOf);
  return left !== undefined && right !== undefined && left !== right;
}

function directionOf(text: string): 'up' | 'down' | undefined {
  const [isUp, isDown] = [UPWARDS.test(text), DOWNWARDS.test(text)];
  if (isUp === isDown) return undefined;
  return isUp ? 'up' : 'down';
}

/** `x = 3` and `y = 3` answer different questions. */
export function namesDiffer(a: string, b: string): boolean {
  const [left, right] = [a, b].map((text) => /^[\s$({[\\]*([A-Za-z])\s*=/.exec(plainText(text))?.[1]);
  return left !== undefined && right !== undefined && left !== right;
}
