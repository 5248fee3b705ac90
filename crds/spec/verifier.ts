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

const RegexVerifier = z.strictObject({
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
    .default(1)
    .describe('Capture group that holds the answer, for type regex; 0 is the whole match. Default: 1.'),
});

/** Decides whether a response is right: `F(response, answer)` of the method. */
export const VerifierSpec = z
  .discriminatedUnion('type', [MathVerifier, ChoiceVerifier, ExactVerifier, RegexVerifier])
  .superRefine((verifier, context) => {
    if (verifier.type !== 'regex') return;
    const problem = regexProblem(verifier);
    if (problem !== undefined) context.addIssue({ code: 'custom', input: verifier, ...problem });
  })
  .describe(
    'How a response is judged. math: the final number (after ####, in \\boxed{}, or the last one) equals that of the answer; choice: the chosen label; exact: the whole text; regex: what a pattern finds.',
  );

export type VerifierSpec = z.output<typeof VerifierSpec>;
export type RegexVerifierSpec = z.output<typeof RegexVerifier>;

function regexProblem(verifier: RegexVerifierSpec): { path: [string]; message: string } | undefined {
  let groups: number;
  try {
    // An added empty alternative always matches, and its match array is as long as the pattern has groups.
    groups = (new RegExp(`${verifier.pattern}|`, verifier.flags).exec('')?.length ?? 1) - 1;
  } catch (error) {
    return { path: ['pattern'], message: error instanceof Error ? error.message : String(error) };
  }
  if (verifier.group <= groups) return undefined;
  return { path: ['group'], message: `is ${verifier.group}, but the pattern has ${groups} capture groups` };
}
