import { z } from 'zod';
import { text } from './fields.ts';

/** A DNS-1123 subdomain of at most 63 characters, so that it fits a label value too. */
const Name = z
  .string()
  .min(1)
  .max(63)
  .regex(
    /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/,
    'must be lower case letters, digits, "-" and ".", and start and end with a letter or digit',
  );

/** metav1.ObjectMeta. The API server writes the fields that are passed through. */
export const ObjectMeta = z
  .strictObject({
    name: Name.describe('Name of the run.'),
    namespace: text(63).optional(),
    labels: z.record(z.string(), z.string()).optional(),
    annotations: z.record(z.string(), z.string()).optional(),
    finalizers: z.array(z.string()).optional(),
    generateName: z.string().optional(),
    uid: z.string().optional(),
    resourceVersion: z.string().optional(),
    generation: z.int().optional(),
    creationTimestamp: z.union([z.string(), z.null()]).optional(),
    deletionTimestamp: z.string().optional(),
    deletionGracePeriodSeconds: z.int().optional(),
    ownerReferences: z.array(z.unknown()).optional(),
    managedFields: z.array(z.unknown()).optional(),
    selfLink: z.string().optional(),
  })
  .describe('Standard object metadata.');

export type ObjectMeta = z.output<typeof ObjectMeta>;
