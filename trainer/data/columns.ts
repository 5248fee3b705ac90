import type { FieldNames } from '../../crds/cftrun.ts';
import { CftError } from '../../crds/errors.ts';
import { nearest } from '../../crds/nearest.ts';
import type { Row } from './rows.ts';

/** Reads the texts that an example is made of from a row's columns. */
export interface Columns {
  /** @throws CftError InvalidRecord when the column is missing, null, empty, or no text */
  required(row: Row, field: 'question' | 'answer'): string;
  /** As `required`, but undefined when the manifest names no such column. */
  optional(row: Row, field: 'response' | 'id'): string | undefined;
  /** The value of a placeholder: a field such as `question`, or else any column. */
  placeholder(row: Row, name: string): string;
}

/** @param fields which columns hold the question, the answer, the response and the id */
export function createColumns(fields: FieldNames): Columns {
  const byField: Readonly<Record<string, string | undefined>> = fields;
  return {
    required: (row, field) => textOf(row, fields[field], `the column of the ${field}`, `fields.${field}`),
    optional(row, field) {
      const column = fields[field];
      return column === undefined ? undefined : textOf(row, column, `the column of the ${field}`, `fields.${field}`);
    },
    placeholder: (row, name) =>
      textOf(row, byField[name] ?? name, `the column of {${name}} in promptTemplate`, 'promptTemplate'),
  };
}

function textOf({ columns, where }: Row, column: string, role: string, setting: string): string {
  const value = Object.hasOwn(columns, column) ? columns[column] : undefined;
  if (value === undefined || value === null) {
    const names = Object.keys(columns);
    const meant = nearest(column, names);
    const state = value === null ? 'is null' : 'is missing';
    throw new CftError('InvalidRecord', `"${column}", ${role}, ${state}; the row has ${list(names)}`, {
      where,
      hint:
        setting === 'promptTemplate'
          ? TEMPLATE_HINT
          : `set ${setting} to the right column${meant === undefined ? '' : `, perhaps ${meant}`}`,
    });
  }
  const text = scalarText(value, column, where);
  if (text.trim() === '')
    throw new CftError('InvalidRecord', `"${column}", ${role}, is empty`, {
      where,
      hint: 'fill it in, or leave the row out',
    });
  return text;
}

const TEMPLATE_HINT = 'name a column of the data set; write {{ and }} for braces that are meant as such';

function scalarText(value: unknown, column: string, where: string): string {
  if (typeof value === 'string') return value.toWellFormed();
  if (typeof value === 'boolean') return String(value);
  if (typeof value === 'number' && (!Number.isInteger(value) || Number.isSafeInteger(value))) return String(value);
  throw new CftError('InvalidRecord', `"${column}" must be text or a number, it is ${kindOf(value)}`, {
    where,
    value,
    hint:
      typeof value === 'number' ? 'write it in quotes' : 'choose a column that holds text, or flatten the data first',
  });
}

function kindOf(value: unknown): string {
  if (typeof value === 'number') return 'a number too large to be read exactly';
  if (value instanceof Uint8Array) return 'bytes that are not UTF-8';
  return Array.isArray(value) ? 'an array' : 'an object';
}

function list(names: readonly string[]): string {
  return names.length === 0 ? 'no columns' : names.map((name) => `"${name}"`).join(', ');
}
