import type { Verifier } from './verifier.ts';

export interface ExactOptions {
  readonly ignoreCase: boolean;
}

/** Compares whole texts: Unicode normal form C, spaces at the ends removed, runs of spaces and line breaks taken as one space. */
export function createExactVerifier({ ignoreCase }: ExactOptions): Verifier {
  const form = (text: string) => {
    const plain = text.normalize('NFC').trim().replace(/\s+/g, ' ');
    return ignoreCase ? plain.toLowerCase() : plain;
  };
  return {
    type: 'exact',
    verify: async (items) =>
      items.map(({ response, answer }) => {
        const [extracted, expected] = [form(response), form(answer)];
        const correct = extracted === expected;
        return { correct, score: Number(correct), extracted: extracted === '' ? undefined : extracted, expected };
      }),
    // Wrong for good, once the text so far can't become the expected one any more.
    isFinal: (prefix, answer) => {
      const settled = folded(form(prefix)).replace(UNSETTLED, '');
      return !folded(form(answer)).startsWith(settled);
    },
  };
}

/** The last character can still take an accent, and what is no letter behind it can end up elsewhere in the normal form. */
const UNSETTLED = /\P{M}\p{M}*$/u;

/** A final sigma is lower-cased by what follows it. */
function folded(text: string): string {
  return text.replaceAll('ς', 'σ');
}
