import { z } from 'zod';
import { count, listByKey, positive, setOf, text } from './fields.ts';

const statement = z
  .enum(['last', 'first'])
  .optional()
  .describe(
    'Which of several marked answers (#### or \\\\boxed{}) counts, for types math and choice. first: what follows the first one is not looked at, so that annotation can end a rollout there. Default: last.',
  );

const threshold = positive(1)
  .optional()
  .describe(
    'Least score that counts as correct, for types math and http. math gives a list, tuple, interval or matrix the share of its right parts. Default: 1.',
  );

const MathVerifier = z.strictObject({
  type: z.literal('math'),
  statement,
  threshold,
});

const ChoiceVerifier = z.strictObject({
  type: z.literal('choice'),
  statement,
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

const Header = z.strictObject({
  name: text(128)
    .regex(/^[A-Za-z0-9-]+$/, 'must be letters, digits and "-"')
    .describe('Name of the header.'),
  valueFromEnv: text(253).describe(
    'Environment variable of the pod that holds its value; pods.env takes it from a Secret.',
  ),
});

const HttpVerifier = z.strictObject({
  type: z.literal('http'),
  url: text(2048)
    .regex(/^https?:\/\/[^\s]+$/, 'must be an http:// or https:// address')
    .describe('Address that batches of responses are posted to, for type http. docs/verifiers.md has the format.'),
  headers: listByKey(Header, 'name', 16).optional().describe('Headers of each request, for type http.'),
  batchSize: count(1, 10_000).default(64).describe('Responses in a request, for type http. Default: 64.'),
  timeoutSeconds: count(1, 3600).default(30).describe('Longest that a request may take, for type http. Default: 30.'),
  retries: count(0, 20)
    .default(4)
    .describe('How often a request is repeated that failed or got no answer, for type http. Default: 4.'),
  threshold,
});

/** Decides whether a response is right: `F(response, answer)` of the method. */
export const VerifierSpec = z
  .discriminatedUnion('type', [MathVerifier, ChoiceVerifier, ExactVerifier, RegexVerifier, HttpVerifier])
  .describe(
    'How a response is judged. math: the final answer (after ####, in \\boxed{}, or the last number) has the value of the reference; choice: the chosen label; exact: the whole text; regex: what a pattern finds; http: a service of your own decides.',
  );

export type VerifierSpec = z.output<typeof VerifierSpec>;
export type HttpVerifierSpec = z.output<typeof HttpVerifier>;
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
