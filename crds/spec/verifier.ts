import { z } from 'zod';
import { count, setOf, text } from './fields.ts';

const MathVerifier = z.strictObject({
  type: z.literal('math'),
});

const ChoiceVerifier = z.strictObject({
  type: z.literal('choice'),
  choices: setOf(text(32), 26)
    .min(2)
    .default(['A', 'B', 'C', 'D', 'E'])
    .describe('Labels of the choices, for type choice. Default: A to E.'),
});

const ExactVerifier = z.strictObject({
  type: z.literal('exact'),
  ignoreCase: z.boolean().default(false).describe('Compare without regard to case, for type exact. Default: false.'),
});

const RegexVerifier = z
  .strictObject({
    type: z.literal('regex'),
    pattern: text(1024).describe(
      'JavaScript regular expression that finds the answer in the response, for type regex. The last match counts. Where it matches in the reference answer too, the two matches are compared; otherwise the match is compared with the whole reference answer.',
    ),
    flags: z
      .string()
      .max(6)
      .regex(/^[imsuv]*$/, 'must be made of the flags i, m, s, u and v')
      .default('')
      .describe('Flags of the regular expression (i, m, s, u, v), for type regex. Default: none.'),
    group: count(0, 99)
      .optional()
      .describe(
        'Capture group that holds the answer, for type regex; 0 is the whole match. Default: 1 if the pattern has a group, else 0.',
      ),
  })
  .superRefine((verifier, context) => {
    const problem = regexProblem(verifier);
    if (problem !== undefined) context.addIssue({ code: 'custom', ...problem });
  })
  .transform((verifier) => ({ ...verifier, group: verifier.group ?? Math.min(1, groupCount(verifier)) }));

/** Decides whether a response is right: `F(response, answer)` of the method. */
export const VerifierSpec = z
  .discriminatedUnion('type', [MathVerifier, ChoiceVerifier, ExactVerifier, RegexVerifier])
  .describe(
    'How a response is judged. math: the final number (after ####, in \\boxed{}, or the last one) equals that of the answer; choice: the chosen label; exact: the whole text; regex: what a pattern finds.',
  );

export type VerifierSpec = z.output<typeof VerifierSpec>;
export type RegexVerifierSpec = z.output<typeof RegexVerifier>;

interface Regex {
  readonly pattern: string;
  readonly flags: string;
  readonly group?: number | undefined;
}

function regexProblem(regex: Regex): { path: [keyof Regex]; message: string } | undefined {
  const flags = compileProblem('', regex.flags);
  if (flags !== undefined) return { path: ['flags'], message: flags };
  const pattern = compileProblem(regex.pattern, regex.flags);
  if (pattern !== undefined) return { path: ['pattern'], message: pattern };
  const groups = groupCount(regex);
  if (regex.group === undefined || regex.group <= groups) return undefined;
  return {
    path: ['group'],
    message: `must be at most the number of groups in the pattern, ${groups}, not ${regex.group}`,
  };
}

function compileProblem(pattern: string, flags: string): string | undefined {
  try {
    new RegExp(pattern, flags);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** The capture groups of a valid pattern: with an empty alternative added it matches anything, and the match has a place for each. */
function groupCount({ pattern, flags }: Regex): number {
  return (new RegExp(`${pattern}|`, flags).exec('')?.length ?? 1) - 1;
}
