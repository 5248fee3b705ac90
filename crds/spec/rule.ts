import type { z } from 'zod';

/**
 * A rule that crosses fields, written once for both sides: `cel` for the API server (x-kubernetes-validations), `test` for zod.
 * A test holds them to the same verdict. Transition rules (`oldSelf`) have no place here: zod sees one version only.
 */
export interface Rule<T> {
  /** CEL over `self`, the object the rule is attached to, with the CRD's defaults filled in. */
  readonly cel: string;
  readonly message: string;
  /** Field to blame, below the object; the object itself when absent. */
  readonly field?: string;
  /** Fields that the rule looks at: it is not tried where one of these is invalid by itself. */
  readonly reads: readonly string[];
  readonly test: (self: T) => boolean;
}

/** Attaches rules to an object schema: as refinements, and as metadata from which the CRD's validations are generated. */
export function withRules<S extends z.ZodType>(schema: S, rules: readonly Rule<z.output<S>>[]): S {
  let refined = schema;
  for (const rule of rules) {
    refined = refined.refine((self) => rule.test(self as z.output<S>), {
      message: rule.message,
      path: rule.field === undefined ? [] : [rule.field],
      when: ({ value, issues }) =>
        isObject(value) && !issues.some(({ path }) => rule.reads.includes(String(path?.[0]))),
    }) as S;
  }
  return refined.meta({ 'x-kubernetes-validations': rules.map(celRule) }) as S;
}

function celRule(rule: Rule<never>): { rule: string; message: string; fieldPath?: string } {
  const field = rule.field === undefined ? {} : { fieldPath: `.${rule.field}` };
  return { rule: rule.cel, message: rule.message, ...field };
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
