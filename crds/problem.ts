import type { z } from 'zod';
import { type FieldPath, formatPath, valueAt } from './field-path.ts';
import { nearest } from './nearest.ts';
import { type Fields, fieldsAt } from './schema-walk.ts';

/** One thing that is wrong in a manifest. */
export interface Problem {
  /** Field path, such as `spec.training.variants[0].objective`; empty for the document as a whole. */
  readonly path: string;
  /** The same as a list of keys, for programs. */
  readonly keys: FieldPath;
  /** What is wrong and what would be right. */
  readonly message: string;
  /** The value that was wrong. */
  readonly value?: unknown;
  /** 1-based line in the manifest's text, where there is one. */
  readonly line?: number;
}

/** The problem as one line of text. */
export function formatProblem(problem: Problem): string {
  const line = problem.line === undefined ? '' : `line ${problem.line}: `;
  return `${line}${problem.path === '' ? '' : `${problem.path}: `}${problem.message}`;
}

/** What zod found, said for the person who wrote the manifest. */
export function problemsOf(schema: z.ZodType, input: unknown, issues: readonly z.core.$ZodIssue[]): Problem[] {
  return issues.flatMap((issue) => {
    const keys = issue.path.map((key) => (typeof key === 'symbol' ? String(key) : key));
    if (issue.code === 'unrecognized_keys') {
      const known = fieldsAt(schema, keys, input)?.known ?? [];
      return issue.keys.map((key) => problem([...keys, key], unknownField(key, known), valueAt(input, [...keys, key])));
    }
    const value = valueAt(input, keys);
    if (value === undefined && issue.code !== 'custom') {
      return [problem(keys, missing(issue, fieldsAt(schema, keys, input)))];
    }
    return [problem(keys, wrong(issue, value), value)];
  });
}

function problem(keys: FieldPath, message: string, value?: unknown): Problem {
  return { path: formatPath(keys), keys, message, ...(value === undefined ? {} : { value }) };
}

function unknownField(key: string, known: readonly string[]): string {
  const meant = nearest(key, known);
  if (meant !== undefined) return `unknown field; did you mean ${meant}?`;
  return known.length === 0 ? 'unknown field' : `unknown field; known here: ${known.join(', ')}`;
}

function missing(issue: z.core.$ZodIssue, fields: Fields | undefined): string {
  const needed = fields?.required.join(', ');
  return `missing; must be ${expectation(issue)}${needed ? ` with ${needed}` : ''}`;
}

function wrong(issue: z.core.$ZodIssue, value: unknown): string {
  if (issue.code === 'custom') return issue.message;
  return `must be ${expectation(issue)}, not ${show(value)}${suggestion(issue, value)}`;
}

function suggestion(issue: z.core.$ZodIssue, value: unknown): string {
  if (typeof value !== 'string') return '';
  const choices = allowed(issue) ?? [];
  const meant = choices.length > 1 ? nearest(value, choices) : undefined;
  if (meant !== undefined) return `; did you mean ${meant}?`;
  const number =
    issue.code === 'invalid_type' &&
    issue.expected === 'number' &&
    value.trim() !== '' &&
    Number.isFinite(Number(value));
  return number ? `; write it without quotes` : '';
}

/** What would have been right, to follow "must be". */
function expectation(issue: z.core.$ZodIssue): string {
  const choices = allowed(issue);
  if (choices) return choices.length === 1 ? `${choices[0]}` : `one of ${choices.join(', ')}`;
  switch (issue.code) {
    case 'invalid_type':
      return typeName(issue.expected);
    case 'too_small':
      return bound(issue.origin, issue.inclusive ? 'at least' : 'more than', Number(issue.minimum));
    case 'too_big':
      return bound(issue.origin, issue.inclusive ? 'at most' : 'less than', Number(issue.maximum));
    case 'invalid_union':
      return alternatives(issue.errors);
    case 'invalid_key':
      return `used with keys that are ${issue.issues.map(expectation).join(' and ')}`;
    case 'invalid_format':
      return FORMATS[issue.format] ?? issue.message.replace(/^must be /, '');
    default:
      return issue.message;
  }
}

function allowed(issue: z.core.$ZodIssue): string[] | undefined {
  if (issue.code === 'invalid_value') return issue.values.map(String);
  if (issue.code === 'invalid_union' && 'options' in issue && issue.options) return issue.options.map(String);
  return undefined;
}

/** What any member of a union would have taken; only a format, where the value has the right type for one. */
function alternatives(errors: readonly (readonly z.core.$ZodIssue[])[]): string {
  const formats = errors.flat().filter((issue) => issue.code === 'invalid_format');
  const issues = formats.length > 0 ? formats : errors.flat();
  return [...new Set(issues.map(expectation))].join(' or ');
}

const FORMATS: Readonly<Record<string, string>> = {
  datetime: 'a time in RFC 3339 form, like 2026-01-31T12:00:00Z',
};

const TYPES: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a mapping',
  record: 'a mapping',
  null: 'null',
};

function typeName(expected: string): string {
  return TYPES[expected] ?? expected;
}

function bound(origin: string, comparison: string, limit: number): string {
  if (origin === 'string')
    return limit === 1 && comparison === 'at least' ? 'non-empty text' : `${comparison} ${limit} characters long`;
  if (origin === 'array' && limit === 1 && comparison === 'at least') return 'a list with at least one entry';
  if (origin === 'array') return `${comparison} ${limit} ${limit === 1 ? 'entry' : 'entries'} long`;
  return `${comparison} ${limit}`;
}

function show(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : `a list of ${value.length}`;
  if (typeof value === 'object' && value !== null) return 'a mapping';
  if (typeof value === 'number') return String(value);
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
