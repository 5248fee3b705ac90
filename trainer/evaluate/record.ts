import { z } from 'zod';

/** A line of `greedy-*.jsonl`: the greedy response to a question. */
export const GreedyRecord = z.object({
  id: z.string(),
  dataset: z.string(),
  correct: z.boolean(),
  extracted: z.string().nullable(),
  expected: z.string(),
  response: z.string(),
  finish: z.enum(['eos', 'length']),
  /** Response tokens, the end token included. */
  tokens: z.int(),
  /** Mean entropy of the response's tokens, in nats. */
  entropy: z.number(),
});

/** A line of `samples-*.jsonl`: what became of each sampled response to a question. */
export const SamplesRecord = z.object({
  id: z.string(),
  dataset: z.string(),
  samples: z.array(z.object({ correct: z.boolean(), extracted: z.string().nullable() })),
});

export type GreedyRecord = z.output<typeof GreedyRecord>;
export type SamplesRecord = z.output<typeof SamplesRecord>;
