import { type FinalAnswer, referenceAnswer, responseAnswer, sameText } from './final-answer.ts';
import { formatQuantity, sameQuantity } from './quantity.ts';
import type { Verdict, Verifier, VerifyItem } from './verifier.ts';

/**
 * Compares final answers as exact numbers: extraction as in {@link responseAnswer}, no rounding, no tolerance. An answer that is not one
 * number equals only the same text.
 *
 * @example await createMathVerifier().verify([{ response: 'so 6 * 7 = 42', answer: '#### 42' }]) // [{ correct: true, ... }]
 */
export function createMathVerifier(): Verifier {
  return { type: 'math', verify: async (items) => items.map(judge) };
}

function judge({ response, answer }: VerifyItem): Verdict {
  const expected = referenceAnswer(answer);
  const extracted = responseAnswer(response);
  if (extracted === undefined) return { correct: false, extracted: undefined, expected: show(expected, false) };
  const correct = sameAnswer(extracted, expected);
  // Where only the units differ, the numbers alone would look the same.
  const withUnit = !correct && show(extracted, false) === show(expected, false);
  return { correct, extracted: show(extracted, withUnit), expected: show(expected, withUnit) };
}

function sameAnswer(a: FinalAnswer, b: FinalAnswer): boolean {
  if (a.quantity !== undefined && b.quantity !== undefined) return sameQuantity(a.quantity, b.quantity);
  return a.quantity === undefined && b.quantity === undefined && sameText(a.text, b.text);
}

function show({ text, quantity }: FinalAnswer, withUnit: boolean): string {
  return quantity === undefined ? text : formatQuantity(quantity, withUnit);
}
