import { z } from 'zod';
import { between, count } from './fields.ts';
import { withRules } from './rule.ts';
import { sourceOf, sourceRule } from './source.ts';

export const GenerateSpec = z
  .strictObject({
    maxNewTokens: count(1, 131_072)
      .default(512)
      .describe(
        'Longest response in tokens. The rollouts of annotation share this budget, and evaluation has it as its default.',
      ),
    batchSize: count(1, 4096).default(32).describe('Responses decoded at the same time.'),
    maxSamples: count().optional().describe('Generate for the first so many training questions only.'),
  })
  .describe('Greedy generation of the training responses. Those that the verifier accepts are kept.');

export const Criterion = z.enum(['strict-2', 'strict-3']);
export const AnnotateMode = z.enum(['batched', 'sequential']);

export const TransferSpec = withRules(
  z.strictObject({ source: sourceOf('Annotation file, or directory of them, of a run on the same questions.') }),
  [sourceRule],
);

export const SavingsSpec = z
  .strictObject({
    lazyAlternatives: z
      .boolean()
      .default(true)
      .describe('Try the third choice only where the second one broke the answer: elsewhere no criterion asks for it.'),
    sharedPrefix: z
      .boolean()
      .default(true)
      .describe('Rollouts read the keys and values of their response. Otherwise each computes its prefix anew.'),
    draftTokens: count(0, 16)
      .default(0)
      .describe(
        'Tokens of the response that are guessed to follow at each step, and taken where the model chooses the same. Pays where a step takes about the same time whatever it computes, as on a GPU with few rollouts. On a processor each guess costs as much as a token, and without guesses a rollout gets on by eight tokens in one call.',
      ),
    earlyStop: z
      .boolean()
      .default(true)
      .describe('End a rollout when its verdict is decided, whatever would follow, where the verifier can tell.'),
    slotRefill: z
      .boolean()
      .default(true)
      .describe('Give the slot of a rollout that has ended to the next one at once, not when all have ended.'),
  })
  .describe(
    'What batched mode leaves out of the work. None of it changes a mask; turning one off shows what it is worth.',
  );

export const AnnotateSpec = z
  .strictObject({
    criterion: Criterion.default('strict-3').describe(
      'When a token is critical. strict-2: replacing it with the second most likely token breaks the answer; strict-3: so does the third. Both masks are recorded in any case; this one is trained on.',
    ),
    mode: AnnotateMode.default('batched').describe(
      'batched: many rollouts at the same time. sequential: one rollout after the other, the plain definition of the method; slow, for checks.',
    ),
    batchSize: count(1, 4096).default(64).describe('Rollouts decoded at the same time in batched mode.'),
    recheckMargin: between(0, 100)
      .default(1e-4)
      .describe(
        'Where two tokens are less than this apart in logits, rounding may decide between them: batched mode makes such a choice again as sequential mode makes it, so that both give the same masks. 0: never.',
      ),
    savings: SavingsSpec.prefault({}),
    maxSamples: count()
      .optional()
      .describe('Annotate at most so many kept responses, shared out evenly among the shards.'),
    transfer: TransferSpec.optional().describe(
      'Takes responses and masks from annotations that were made with another model, instead of making them.',
    ),
    shards: count(1, 1000)
      .default(1)
      .describe('Parts in which generation and annotation are done, each by its own process or pod.'),
  })
  .describe('Counterfactual annotation: which tokens of a kept response decide its answer.');

export type GenerateSpec = z.output<typeof GenerateSpec>;
export type AnnotateSpec = z.output<typeof AnnotateSpec>;
export type Criterion = z.output<typeof Criterion>;
export type AnnotateMode = z.output<typeof AnnotateMode>;
export type SavingsSpec = z.output<typeof SavingsSpec>;
