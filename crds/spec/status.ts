import { z } from 'zod';
import { between, listByKey, text } from './fields.ts';

const Time = z.iso.datetime({ offset: true });

/** metav1.Condition. */
export const Condition = z.strictObject({
  type: text(316).describe('Kind of condition: Accepted, Running, Suspended, PodsPending, Succeeded, Failed.'),
  status: z.enum(['True', 'False', 'Unknown']).describe('Whether the condition holds.'),
  observedGeneration: z.int().min(0).optional().describe('metadata.generation that the condition is about.'),
  lastTransitionTime: Time.describe('When status last changed.'),
  reason: z
    .string()
    .min(1)
    .max(1024)
    .regex(/^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$/)
    .describe('Why, as one CamelCase word for programs.'),
  message: z.string().max(32_768).describe('Why, as a sentence for people.'),
});

export const StagePhase = z.enum(['Pending', 'Running', 'Succeeded', 'Failed', 'Suspended']);

const StageStatus = z.strictObject({
  name: text(63).describe('Name of the stage, unique in the run.'),
  phase: StagePhase.describe('Where the stage stands.'),
  progress: between(0, 1).optional().describe('Part of the work that is done, from 0 to 1.'),
  etaSeconds: z.int().min(0).optional().describe('Estimated seconds until the stage ends.'),
  attempts: z.int().min(0).max(2_147_483_647).optional().describe('How often the stage has been started.'),
  digest: text(128).optional().describe('Digest of the inputs that the stage was started with.'),
  startTime: Time.optional().describe('When the stage was first started.'),
  completionTime: Time.optional().describe('When the stage ended.'),
  message: z.string().max(4096).optional().describe('What went wrong, or what to know about it.'),
});

const Result = z.strictObject({
  name: text(253).describe('Name of the result, for example critical-ratio or cft/test/accuracy.'),
  value: z.string().max(253).describe('Its value as text, so that no reader rounds it.'),
});

const Artifact = z.strictObject({
  name: text(253).describe('Name of the artifact, for example report or cft/model.'),
  path: text(2048).describe("Where it lies, relative to the run's directory."),
});

export const CftRunStatus = z
  .strictObject({
    observedGeneration: z.int().min(0).optional().describe('metadata.generation that this status is about.'),
    phase: z
      .enum(['Pending', 'Running', 'Suspended', 'Succeeded', 'Failed'])
      .optional()
      .describe('Summary of the conditions, for people; programs read the conditions.'),
    stage: z.string().max(253).optional().describe('Kind of the stage that runs now.'),
    progress: z.string().max(16).optional().describe('Progress of the whole run, for people, for example 42%.'),
    eta: z
      .string()
      .max(32)
      .optional()
      .describe('Estimated time until the stages that run now end, for people, for example 12 min.'),
    criticalRatio: z.string().max(32).optional().describe('Part of the annotated tokens that is critical.'),
    accuracy: z
      .string()
      .max(32)
      .optional()
      .describe('Greedy accuracy of the best critical variant on the first data set.'),
    conditions: listByKey(Condition, 'type', 16).optional().describe('State of the run.'),
    stages: listByKey(StageStatus, 'name', 4096).optional().describe('State of each stage.'),
    results: listByKey(Result, 'name', 1024).optional().describe('What came out, as numbers.'),
    artifacts: listByKey(Artifact, 'name', 256).optional().describe('What came out, as files.'),
    claimName: text(253).optional().describe('PersistentVolumeClaim that was made for this run.'),
    startTime: Time.optional().describe('When the first stage was started.'),
    completionTime: Time.optional().describe('When the run ended.'),
  })
  .describe('Observed state, written by the operator.');

export type Condition = z.output<typeof Condition>;
export type StagePhase = z.output<typeof StagePhase>;
export type CftRunStatus = z.output<typeof CftRunStatus>;
