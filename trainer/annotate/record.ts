import { z } from 'zod';

/** 1 where the token is critical, one entry a response token, the end token included. */
const Mask = z.array(z.union([z.literal(0), z.literal(1)]));
const TokenIds = z.array(z.int().nonnegative());

/** One line of a generate stage's output: a question, what the model answered, and what the verifier says of it. */
export const ResponseRecord = z.object({
  id: z.string(),
  question: z.string(),
  answer: z.string(),
  prompt: z.string(),
  promptIds: TokenIds.min(1),
  response: z.string(),
  /** With the end token, if the response ended by itself. */
  responseIds: TokenIds,
  finish: z.enum(['eos', 'length']),
  correct: z.boolean(),
  extracted: z.string().nullable(),
  expected: z.string(),
});

/** A token that the model held less likely, and what became of the response with it. */
export const AlternativeRecord = z.object({
  /** 2 or 3: first or second among the most likely tokens other than the response's own. */
  rank: z.union([z.literal(2), z.literal(3)]),
  id: z.int(),
  text: z.string(),
  probability: z.number(),
  /** skipped: rank 3 where rank 2 left the answer correct, since no criterion asks for it. */
  outcome: z.enum(['correct', 'wrong', 'skipped']),
  extracted: z.string().nullable(),
  finish: z.enum(['eos', 'length', 'decided']).nullable(),
  /** Smallest top-1 minus top-2 logit while the rollout was decoded; null if nothing was decoded. */
  margin: z.number().nullable(),
  /** Tokens of the rollout's response, the kept prefix and the alternative included. */
  length: z.int().nullable(),
});

export const TokenRecord = z.object({
  id: z.int(),
  text: z.string(),
  /** Of the response's token, given what is before it. */
  probability: z.number(),
  /** Of the distribution the token was chosen from, in nats. */
  entropy: z.number(),
  alternatives: z.array(AlternativeRecord),
});

/** One line of an annotate stage's output: a kept response with what each of its tokens decides. */
export const AnnotationRecord = z.object({
  id: z.string(),
  question: z.string(),
  prompt: z.string(),
  answer: z.string(),
  response: z.string(),
  promptIds: TokenIds,
  responseIds: TokenIds,
  masks: z.object({ 'strict-2': Mask, 'strict-3': Mask }),
  tokens: z.array(TokenRecord),
});

export type ResponseRecord = z.output<typeof ResponseRecord>;
export type AlternativeRecord = z.output<typeof AlternativeRecord>;
export type TokenRecord = z.output<typeof TokenRecord>;
export type AnnotationRecord = z.output<typeof AnnotationRecord>;
