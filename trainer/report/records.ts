/**
 * The files of a run directory as far as the report looks at them. What it does not need may be missing or of any shape; what it needs is
 * checked.
 */
import { z } from 'zod';
import { AnnotationRecord as AnnotationLine } from '../annotate/record.ts';

/** A number, or null where JSON had to stand for one that is not finite. */
const measured = z.number().nullish();

export const RunRecord = z.looseObject({
  metadata: z.looseObject({ name: z.string() }),
  spec: z.looseObject({
    model: z.looseObject({ source: z.string() }).optional(),
    data: z.looseObject({ train: z.looseObject({ source: z.string() }) }).optional(),
    verifier: z.looseObject({ type: z.string() }).optional(),
    training: z
      .looseObject({ variants: z.array(z.looseObject({ name: z.string(), method: z.string().optional() })).optional() })
      .optional(),
    evaluation: z
      .looseObject({
        datasets: z.array(z.looseObject({ name: z.string(), source: z.string() })).optional(),
        samples: z.number().optional(),
        temperature: z.number().optional(),
      })
      .optional(),
  }),
});

export const StageRecord = z.looseObject({
  stage: z.string(),
  kind: z.string(),
  status: z.enum(['succeeded', 'failed']),
  startTime: z.string().optional(),
  completionTime: z.string().optional(),
  metrics: z.record(z.string(), z.number().nullable()).default({}),
  message: z.string().optional(),
  warnings: z.array(z.looseObject({ reason: z.string(), message: z.string() })).default([]),
});

export const GenerateRecord = z.looseObject({ correct: z.boolean(), finish: z.string().nullish() });

/** An annotation line whose masks have one entry a token. */
export const AnnotationRecord = AnnotationLine.superRefine(({ masks, tokens }, context) => {
  for (const criterion of ['strict-2', 'strict-3'] as const)
    if (masks[criterion].length !== tokens.length)
      context.addIssue({
        code: 'custom',
        path: ['masks', criterion],
        message: `has ${masks[criterion].length} entries for ${tokens.length} tokens`,
      });
});

export const TrainLogRecord = z.looseObject({
  step: z.number(),
  loss: measured,
  learningRate: measured,
  validation: z.looseObject({ accuracy: measured, loss: measured, entropy: measured }).nullish(),
});

export type RunRecord = z.output<typeof RunRecord>;
export type StageRecord = z.output<typeof StageRecord>;
export type AnnotationRecord = z.output<typeof AnnotationRecord>;
export type TrainLogRecord = z.output<typeof TrainLogRecord>;
