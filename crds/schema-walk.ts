import type { z } from 'zod';
import type { FieldPath } from './field-path.ts';

type Schema = z.core.$ZodType;

/** What an object schema allows: every field, and which of them must be there. */
export interface Fields {
  readonly known: readonly string[];
  readonly required: readonly string[];
}

/**
 * The fields of the object schema at a path, or undefined where there is none. `input` is the value being checked: it tells which
 * member of a discriminated union is meant; where it does not, the fields of all members are known and the discriminator is required.
 */
export function fieldsAt(schema: Schema, path: FieldPath, input: unknown): Fields | undefined {
  let current: Schema | undefined = schema;
  let value = input;
  for (const key of path) {
    current = current && child(current, key, value);
    value = member(value, String(key));
  }
  return current && fields(current, value);
}

/**
 * A value without the fields that are null, as an API server takes them: `pods:` with nothing after it is as good as no `pods`. Only fields
 * that the schema knows are left out, so that an unknown one is still found, and what the schema hands through stays as it is.
 */
export function withoutNulls(schema: Schema, value: unknown): unknown {
  const def = definition(schema, value);
  if (Array.isArray(value)) return def.type === 'array' ? value.map((item) => withoutNulls(def.element, item)) : value;
  if (typeof value !== 'object' || value === null || def.type !== 'object') return value;
  const kept = Object.entries(value).filter(([name, field]) => field !== null || !Object.hasOwn(def.shape, name));
  return Object.fromEntries(
    kept.map(([name, field]) => {
      const inner = own(def.shape, name);
      return [name, inner === undefined ? field : withoutNulls(inner, field)];
    }),
  );
}

function fields(schema: Schema, value: unknown): Fields | undefined {
  const def = definition(schema, value);
  if (def.type === 'object') {
    const entries = Object.entries(def.shape);
    return {
      known: entries.map(([name]) => name),
      required: entries.filter(([, field]) => field._zod.optin === undefined).map(([name]) => name),
    };
  }
  if (def.type === 'union' && 'discriminator' in def) {
    const known = def.options.flatMap((option) => fields(option, value)?.known ?? []);
    return { known: [...new Set(known)], required: [String(def.discriminator)] };
  }
  return undefined;
}

function child(schema: Schema, key: string | number, value: unknown): Schema | undefined {
  const def = definition(schema, value);
  if (def.type === 'object') return own(def.shape, String(key));
  if (def.type === 'array') return def.element;
  if (def.type === 'record') return def.valueType;
  return undefined;
}

/** The definition below defaults, optionality, transforms and the discriminated union's choice. */
function definition(schema: Schema, value: unknown): z.core.$ZodTypes['_zod']['def'] {
  const def = (schema as z.core.$ZodTypes)._zod.def;
  switch (def.type) {
    case 'optional':
    case 'default':
    case 'prefault':
    case 'nullable':
      return definition(def.innerType, value);
    case 'pipe':
      return definition(def.in, value);
    case 'union': {
      if (!('discriminator' in def)) return def;
      const discriminator = String(def.discriminator);
      const chosen = def.options.find((option) =>
        option._zod.propValues?.[discriminator]?.has(member(value, discriminator) as string),
      );
      return chosen ? definition(chosen, value) : def;
    }
    default:
      return def;
  }
}

function member(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? own(value as Record<string, unknown>, key) : undefined;
}

/** A field by name, not what every object inherits: a manifest may have a field called `toString`. */
function own<T>(fields: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(fields, name) ? fields[name] : undefined;
}
