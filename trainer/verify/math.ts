import { remembered } from '../remembered.ts';
import { createAlgebra } from './algebra.ts';
import { type FinalAnswer, isNumber, readNumber, referenceAnswer, responseAnswer } from './final-answer.ts';
import { formatQuantity } from './quantity.ts';
import { agreement } from './same-answer.ts';
import { endOfFirstMarker } from './statements.ts';
import type { Verdict, Verifier, VerifyItem } from './verifier.ts';

/** References, and numbers, that are kept read at the same time. */
const REMEMBERED = 1000;

export interface MathOptions {
  /** Which of several marked answers counts. With `first`, what follows the first one is not looked at. Default: last. */
  readonly statement?: 'last' | 'first' | undefined;
  /** Least score that is correct, in (0, 1]. A list with two of three right values has 2/3. Default: 1. */
  readonly threshold?: number | undefined;
}

/**
 * Compares final answers: extraction as in {@link responseAnswer}; numbers exactly, without rounding or tolerance (but for
 * decimals of ten or more digits, which were computed); lists, intervals, matrices,
 * equations and dates part by part; formulas by algebra.
 *
 * @example await createMathVerifier().verify([{ response: 'so 6 * 7 = 42', answer: '#### 42' }]) // [{ correct: true, ... }]
 */
export function createMathVerifier({ statement = 'last', threshold = 1 }: MathOptions = {}): Verifier {
  const algebra = createAlgebra();
  // Rollouts of a response are all held against the same reference, and state the same few answers.
  const [reference, read] = [remembered(referenceAnswer, REMEMBERED), remembered(readNumber, REMEMBERED)];
  const end = (text: string) => (statement === 'first' ? endOfFirstMarker(text, isNumber) : undefined);
  const judge = async ({ response, answer }: VerifyItem): Promise<Verdict> => {
    const expected = reference(answer);
    const extracted = responseAnswer(response.slice(0, end(response)), read);
    if (extracted === undefined)
      return { correct: false, score: 0, extracted: undefined, expected: show(expected, false) };
    const score = await agreement(extracted, expected, algebra);
    // Where only the units differ, the numbers alone would look the same.
    const withUnit = score < 1 && show(extracted, false) === show(expected, false);
    return {
      correct: score >= threshold,
      score,
      extracted: show(extracted, withUnit),
      expected: show(expected, withUnit),
    };
  };
  return {
    type: 'math',
    verify: (items) => Promise.all(items.map(judge)),
    ...(statement === 'first' && { isFinal: (prefix: string) => end(prefix) !== undefined }),
  };
}

function show({ text, quantity }: FinalAnswer, withUnit: boolean): string {
  return quantity === undefined ? text : formatQuantity(quantity, withUnit);
}
