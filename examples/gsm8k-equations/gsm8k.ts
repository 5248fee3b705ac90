import { type Chain, evaluateChain, LARGEST_NUMBER, STEP_NAMES, type Step, splitExpression } from './chain.ts';
import { formatDecimal, parseDecimal } from './decimal.ts';

/** Longest question text kept, in characters (about as many tokens). */
const LONGEST_QUESTION_EXPRESSIONS = 60;

/**
 * The chain behind a worked GSM8K answer, read from its calculator annotations (`<<48/2=24>>`), in which a number equal to the
 * result of an earlier step becomes a reference to that step (to the latest, where two have the same result).
 *
 * @param answer the `answer` column of GSM8K
 * @returns `undefined` unless it has one to four steps that all evaluate exactly to what the annotation says, the last one
 *   being the `####` answer, with non-negative numbers under 1,000 of at most two decimals
 */
export function chainFromAnswer(answer: string): Chain | undefined {
  const [worked = '', final = ''] = answer.split('####');
  const chain: Step[] = [];
  const nameOfResult = new Map<string, string>();
  const results: string[] = [];
  for (const [, expression = '', result = ''] of worked.matchAll(/<<([^<>=]+)=([^<>]+)>>/g)) {
    const symbols = splitExpression(expression.replaceAll(',', ''))?.map((symbol) =>
      /[\d.]/.test(symbol) ? normalDecimal(symbol) : symbol,
    );
    const expected = normalDecimal(result.replace(/[$,]/g, ''));
    if (symbols === undefined || expected === undefined) return undefined;
    // An annotation such as <<5=5>> computes nothing.
    if (symbols.length === 1) continue;
    const name = STEP_NAMES[chain.length];
    if (name === undefined) return undefined;
    const referred: string[] = [];
    for (const symbol of symbols) {
      if (symbol === undefined || /[a-z]/.test(symbol) || Number(symbol) >= LARGEST_NUMBER) return undefined;
      referred.push(nameOfResult.get(symbol) ?? symbol);
    }
    chain.push({ name, symbols: referred });
    nameOfResult.set(expected, name);
    results.push(expected);
  }
  const evaluated = evaluateChain(chain);
  if (chain.length === 0 || evaluated === undefined || evaluated.join() !== results.join()) return undefined;
  if (results.at(-1) !== normalDecimal(final.trim().replaceAll(',', ''))) return undefined;
  const length = chain.reduce((sum, { symbols }) => sum + symbols.join('').length, 0);
  return length <= LONGEST_QUESTION_EXPRESSIONS ? chain : undefined;
}

/** `.50` and `0.5` are the same number, and should be the same text. */
function normalDecimal(text: string): string | undefined {
  const value = parseDecimal(text);
  return value && formatDecimal(value);
}
