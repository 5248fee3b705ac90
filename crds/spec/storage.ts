import { z } from 'zod';
import { setOf, text } from './fields.ts';
import { Quantity } from './quantity.ts';
import { type Rule, withRules } from './rule.ts';

const ClaimTemplate = z
  .strictObject({
    accessModes: setOf(z.enum(['ReadWriteOnce', 'ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOncePod']), 4)
      .min(1)
      .default(['ReadWriteMany'])
      .describe('As in core/v1. ReadWriteOnce is enough where all pods of the run fit one node.'),
    storageClassName: z
      .string()
      .max(253)
      .optional()
      .describe("StorageClass of the volume. Default: the cluster's own; empty: none, for volumes made by hand."),
    resources: z
      .strictObject({
        requests: z
          .strictObject({ storage: Quantity.describe('Size of the volume, for example 100Gi.') })
          .describe('What the volume must have at least.'),
      })
      .describe('Size, as in core/v1.'),
    whenDeleted: z
      .enum(['Delete', 'Retain'])
      .default('Delete')
      .describe(
        'What becomes of the claim, and so of data and models, when the run is deleted or its time to live ends.',
      ),
  })
  .describe('A claim that the operator makes for this run alone. Its name is in status.claimName.');

const claimRules: readonly Rule<{ claimName?: unknown; template?: unknown }>[] = [
  {
    cel: 'has(self.claimName) != has(self.template)',
    message: 'exactly one of claimName and template must be set',
    reads: ['claimName', 'template'],
    test: (self) => (self.claimName === undefined) !== (self.template === undefined),
  },
];

const PersistentVolumeClaimStorage = withRules(
  z.strictObject({
    claimName: text(253)
      .optional()
      .describe(
        'Name of an existing claim, in the namespace of the run. ReadWriteMany where stages run on several nodes.',
      ),
    template: ClaimTemplate.optional(),
    subPath: text(1024).optional().describe("The run's own folder in the volume. Default: the name of the run."),
  }),
  claimRules,
);

const storageRules: readonly Rule<{ path?: unknown; persistentVolumeClaim?: unknown }>[] = [
  {
    cel: 'has(self.path) != has(self.persistentVolumeClaim)',
    message: 'exactly one of path and persistentVolumeClaim must be set',
    reads: ['path', 'persistentVolumeClaim'],
    test: (self) => (self.path === undefined) !== (self.persistentVolumeClaim === undefined),
  },
];

export const StorageSpec = withRules(
  z.strictObject({
    path: text(1024)
      .optional()
      .describe("The run's own directory, for local runs. A relative path starts at the folder of the manifest."),
    persistentVolumeClaim: PersistentVolumeClaimStorage.optional().describe(
      'Volume for runs in a cluster. Relative sources of the manifest start at its root.',
    ),
    export: text(1024)
      .regex(
        /^(?:s3:\/\/[^/\s]+|hf:\/\/(?:(?:models|datasets)\/)?[\w.-]+\/[\w.-]+)/,
        'must be an s3://bucket/prefix or hf://owner/name@branch address',
      )
      .optional()
      .describe(
        'Address, such as s3://bucket/prefix or hf://owner/name@branch, that the finished run is copied to below its name: report, evaluations, annotations and trained models. A repository that is missing is made, as a private one.',
      ),
  }),
  storageRules,
).describe(
  'Where the run keeps its data, models and report. Exactly one of path and persistentVolumeClaim. Default for local runs: path runs/<name of the run>.',
);

export type StorageSpec = z.output<typeof StorageSpec>;
export type ClaimTemplate = z.output<typeof ClaimTemplate>;
