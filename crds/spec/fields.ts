import { z } from 'zod';

/** Largest int32, the bound of counts that have no smaller natural one. */
const INT32_MAX = 2_147_483_647;

/** A whole number >= min that fits an int32. */
export function count(min = 1, max = INT32_MAX): z.ZodInt {
  return z.int().min(min).max(max);
}

/** A finite number in [min, max]. */
export function between(min: number, max: number): z.ZodNumber {
  return z.number().min(min).max(max);
}

/** A finite number in (0, max]. */
export function positive(max: number): z.ZodNumber {
  return z.number().gt(0).max(max);
}

/** Non-empty text of bounded length: the API server needs bounds to estimate what a rule costs. */
export function text(max: number): z.ZodString {
  return z.string().min(1).max(max);
}

/** A DNS-1123 label: what Kubernetes accepts in the name of a child. */
export function dnsLabel(max = 63): z.ZodString {
  return z
    .string()
    .min(1)
    .max(max)
    .regex(
      /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/,
      'must be lower case letters, digits and "-", and start and end with a letter or digit',
    );
}

/** A list in which no value comes twice. The API server enforces it through the list type. */
export function setOf<S extends z.ZodType<string | number>>(item: S, max: number): z.ZodArray<S> {
  return z
    .array(item)
    .max(max)
    .refine((values) => new Set(values).size === values.length, 'must not contain a value twice')
    .meta({ 'x-kubernetes-list-type': 'set' });
}

/** A list of objects in which `key` is unique, merged by that key on server-side apply. */
export function listByKey<S extends z.ZodType<Record<string, unknown>>>(
  item: S,
  key: string,
  max: number,
): z.ZodArray<S> {
  return z
    .array(item)
    .max(max)
    .superRefine((entries, context) => addDuplicates(entries, key, context), {
      when: ({ value }) => Array.isArray(value),
    })
    .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': [key] });
}

function addDuplicates(entries: readonly Record<string, unknown>[], key: string, context: z.RefinementCtx): void {
  const seen = new Map<unknown, number>();
  for (const [index, entry] of entries.entries()) {
    const value = entry?.[key];
    if (value === undefined) continue;
    const first = seen.get(value);
    if (first === undefined) seen.set(value, index);
    else
      context.addIssue({
        code: 'custom',
        path: [index, key],
        message: `entry ${first} has this ${key} already`,
        input: value,
      });
  }
}
