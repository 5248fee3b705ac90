import { CftError } from '../../crds/errors.ts';
import { parseJsonLine } from './jsonl.ts';
import { lineBatches } from './lines.ts';
import type { Row } from './rows.ts';
import { readUnpacked } from './unpack.ts';

/**
 * The rows of a JSONL file, read as they are asked for, or of a JSON file that is an array of objects. Which of the two is told by the content, not
 * by the name.
 */
export async function* readJsonRows(path: string): AsyncGenerator<Row> {
  let isFirst = true;
  for await (const batch of lineBatches(readUnpacked(path), path)) {
    for (const line of batch) {
      if (isFirst && isStartOfJson(line.text)) return yield* arrayRows(path);
      if (isFirst && path.endsWith('.json')) {
        const value = parseJsonLine(line, path);
        if (rowsIn(value)[0] !== value) return yield* arrayRows(path);
      }
      isFirst = false;
      const where = `${path}:${line.line}`;
      yield { columns: toColumns(parseJsonLine(line, path), where), where };
    }
  }
}

/** An array, or an object that goes on in the next line. */
function isStartOfJson(line: string): boolean {
  return /^\s*(?:\[|\{\s*$)/.test(line);
}

async function* arrayRows(path: string): AsyncGenerator<Row> {
  const bytes = Buffer.concat(await Array.fromAsync(readUnpacked(path)));
  const text = bytes.toString('utf8').replace(/^\uFEFF/, '');
  for (const [i, value] of rowsIn(parse(text, path)).entries()) {
    const where = `${path}[${i}]`;
    yield { columns: toColumns(value, where), where };
  }
}

function parse(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const at = /position (\d+)/.exec((cause as Error).message)?.[1];
    const line = at === undefined ? undefined : text.slice(0, Number(at)).split('\n').length;
    throw new CftError('InvalidRecord', `the file is not JSON: ${(cause as Error).message}`, {
      where: line === undefined ? path : `${path}:${line}`,
      hint: 'the file must be an array of objects, or one object a line',
      cause,
    });
  }
}

/** An array is the rows; so is an object's only array (`{"data": [...]}`), and an object of rows by id, which becomes their column `id`. */
function rowsIn(value: unknown): unknown[] {
  if (Array.isArray(value)) return value;
  if (typeof value !== 'object' || value === null) return [value];
  const fields = Object.entries(value);
  const arrays = fields.filter(([, field]) => Array.isArray(field));
  if (arrays.length === 1 && fields.length <= 2) return arrays[0]?.[1] as unknown[];
  const isById = fields.length > 0 && fields.every(([, field]) => isObject(field));
  return isById ? fields.map(([id, field]) => ({ id, ...(field as object) })) : [value];
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function toColumns(value: unknown, where: string): Readonly<Record<string, unknown>> {
  if (isObject(value)) return value;
  const kind = value === null ? 'null' : Array.isArray(value) ? 'an array' : `a ${typeof value}`;
  throw new CftError('InvalidRecord', `a row must be a JSON object, this is ${kind}`, {
    where,
    value,
    hint: 'write rows like {"question": "...", "answer": "..."}',
  });
}
