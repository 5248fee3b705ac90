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
        return { correct: extracted === expected, extracted: extracted === '' ? undefined : extracted, expected };
      }),
  };
}
