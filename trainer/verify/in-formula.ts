const LOOK_BACK = 80;
/** Letters that are variables rather than units, articles or `I`. */
const VARIABLE = '[bcdefijknopqrtuvwxyz]';

const BEFORE: readonly RegExp[] = [
  // `\frac{1}{` and what else an opening brace of LaTeX begins.
  /[A-Za-z}\]][ \t]*\{[^{}"]*$/,
  // `\sqrt[`, `\log_{2}`, `\cup (1,`: a command whose result did not follow yet.
  /\\(?!(?:frac|boxed|fbox|implies|Rightarrow|therefore|to)(?![A-Za-z]))[A-Za-z]+[^=≈\n]{0,30}$/,
  // `5 +`, `x -`, `) *`, `3 x`: an operator with something on its left.
  /(?:(?:[\d)}\]]|(?<![A-Za-z])[A-Za-z])[ \t]*[-−+*/×·÷^]|\d[ \t]*x)[ \t]*\$?$/,
  // `(5,`
  /[([][^()[\]A-Za-z\n]*,[^()[\]A-Za-z\n]*$/,
  // `3, ` and `3, 4, and `, but not behind a year; `3 and `.
  /(?<![\d,.])[-−]?(?:(?!(?:19|20)\d\d,)\d[\d./]*,[ \t]+(?:and[ \t]+)?|\d[\d./]*[ \t]+and[ \t]+)[-−]?$/,
  // `x = 3, x =`
  /(?<![A-Za-z])([a-z])[ \t]*=[^=,;\n]{1,20}(?:[,;]|[ \t](?:or|and)(?![a-z]))[ \t]*\1[ \t]*=[ \t]*[-−]?$/,
];
/** `16\pi`, `2^{n}`, `3 - \sqrt{5}`, `6(x + 1)`, `13, \infty`. */
const BEHIND = new RegExp(
  `^\\(|^\\s*(?:\\^|[-−+±×·*/]\\s*(?:[\\\\(]|${VARIABLE}(?![A-Za-z]))|(?:,\\s*)?[-+]?\\s*\\\\(?:infty|pi|rho|theta|alpha|beta|gamma|delta|lambda|mu|sigma|phi|omega|sqrt|frac|sin|cos|tan|log|ln)(?![a-z]))`,
);
/** `2x`, `x^2`, `a + b`: more than the name of a value. */
const TERM = new RegExp(
  `\\d ?(?!x[ \\t]*[$＄(]?\\d)${VARIABLE}(?![A-Za-z])|(?<![A-Za-z\\\\])${VARIABLE}[ \\t]*(?:\\^|[-+*/][ \\t]*[\\da-z(\\\\])|[-+*/][ \\t]*${VARIABLE}(?![A-Za-z])`,
);

/**
 * Whether a number of a running text is only a piece of a formula: of a sum that was left undone, of a tuple or list, or of an equation such as
 * `x^2 - 4x = 0`. The result of a calculation (`2 + 3 = 5`, `x = 5`) is none.
 *
 * @param start of the number with its sign
 */
export function isInFormula(text: string, start: number, end: number): boolean {
  const before = text.slice(Math.max(0, start - LOOK_BACK), start);
  if (BEHIND.test(text.slice(end, end + 12)) || BEFORE.some((pattern) => pattern.test(before))) return true;
  const sides = /([^.;:,\n]*)=[ \t]*\$?$/.exec(before)?.[1]?.split('=') ?? [];
  const left = sides[0]?.replace(/^.*(?<![\\A-Za-z])[A-Za-z]{2,}(?![A-Za-z])/, '') ?? '';
  return sides.length === 1 && TERM.test(left);
}
