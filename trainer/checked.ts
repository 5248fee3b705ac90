import type { z } from 'zod';
import { CftError, type CftErrorCode } from '../crds/errors.ts';

/** Where a value comes from, and what to say when it has another shape. */
export interface CheckedValue {
  readonly code: CftErrorCode;
  readonly where?: string;
  readonly hint: string;
  /** The value's own place in its file, such as `post_processor.processors.1`; left out for the whole file or line. */
  readonly path?: string;
}

/**
 * A value from outside, if it has the schema's shape.
 *
 * @throws CftError of that code; its message begins with the first field at fault
 */
export function checked<T>(schema: z.ZodType<T>, value: unknown, { code, path, ...place }: CheckedValue): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new CftError(code, firstIssue(result.error, path), { ...place, cause: result.error });
}

/** What zod found first, with its field: `a.0.b: Invalid input: expected string, received number`. */
export function firstIssue({ issues: [first] }: z.ZodError, path = ''): string {
  const field = [path, ...(first?.path ?? [])].filter((key) => key !== '').join('.');
  return `${field || 'the root'}: ${first?.message}`;
}
