import { CftError } from '../../crds/errors.ts';
import { TimeIsOver, timeLimit } from '../time-limit.ts';
import type { Verifier } from './verifier.ts';

export interface RegexOptions {
  readonly pattern: string;
  readonly flags: string;
  /** Capture group that holds the answer; 0 is the whole match. */
  readonly group: number;
}

/** How long one search may take. A pattern that backtracks without end must not hang a run of thousands of responses. */
const SEARCH_LIMIT_MS = 2000;

/**
 * Takes the last match of a pattern in the response, spaces at the ends removed, and compares it with the last match in the reference answer, or where
 * there is none with the whole answer. A search longer than two seconds ends in an error, not in a verdict: verdicts never depend on time.
 *
 * @throws CftError InvalidArgument for a pattern that is not a regular expression or has no such group; from `verify` for one that is too slow
 */
export function createRegexVerifier({ pattern, flags, group }: RegexOptions): Verifier {
  const compiled = compile(pattern, flags);
  const groups = (new RegExp(`${pattern}|`, flags).exec('')?.length ?? 1) - 1;
  if (group > groups) {
    throw new CftError('InvalidArgument', `the pattern has ${groups} capture groups, not ${group}`, {
      value: pattern,
      hint: 'put the answer in parentheses, or use group 0 for the whole match',
    });
  }
  const search = createSearch(compiled, group);
  return {
    type: 'regex',
    verify: async (items) => {
      const responses = search(items.map(({ response }) => response));
      const answers = search(items.map(({ answer }) => answer));
      return items.map(({ answer }, i) => {
        const extracted = responses[i];
        const expected = answers[i] ?? answer.trim();
        const correct = extracted !== undefined && extracted === expected;
        return { correct, score: Number(correct), extracted, expected };
      });
    },
  };
}

function compile(pattern: string, flags: string): RegExp {
  try {
    return new RegExp(pattern, `${flags.replace('g', '')}g`);
  } catch (cause) {
    throw new CftError('InvalidArgument', `not a regular expression: ${(cause as Error).message}`, {
      value: pattern,
      hint: 'the syntax is that of JavaScript; in YAML, put the pattern in single quotes',
      cause,
    });
  }
}

/** The last match in each text. */
function createSearch(pattern: RegExp, group: number): (texts: readonly string[]) => (string | undefined)[] {
  const withinTime = timeLimit(SEARCH_LIMIT_MS);
  const lastIn = (text: string): string | undefined => {
    let found: string | undefined;
    for (const match of text.matchAll(pattern)) found = match[group] ?? found;
    return found;
  };
  const search = (texts: readonly string[]): (string | undefined)[] => {
    try {
      return withinTime(() => texts.map(lastIn));
    } catch (cause) {
      if (!(cause instanceof TimeIsOver)) throw cause;
      if (texts.length > 1) return texts.flatMap((text) => search([text]));
      throw new CftError(
        'InvalidArgument',
        `the pattern searches a text of ${texts[0]?.length} characters for over ${SEARCH_LIMIT_MS / 1000} s`,
        {
          value: pattern.source,
          hint: 'avoid repetitions inside repetitions, such as (a+)+; anchor the pattern, or name what may not occur between two parts',
          cause,
        },
      );
    }
  };
  return (texts) => search(texts).map((found) => found?.trim() || undefined);
}
