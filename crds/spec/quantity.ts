import { z } from 'zod';

/** A quantity as Kubernetes writes it: 1, 0.5, 500m, 16Gi. */
export const Quantity = z
  .union([
    z.int(),
    z
      .string()
      .max(64)
      .regex(/^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$/, 'must be a quantity, like 2, 500m or 16Gi'),
  ])
  .meta({ 'x-kubernetes-int-or-string': true });
