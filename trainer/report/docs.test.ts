import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { AlternativeRecord, AnnotationRecord, ResponseRecord, TokenRecord } from '../annotate/record.ts';
import { summarize } from './summary.ts';
import { writeSyntheticRun } from './testdata.ts';
import { gatherAt, temporaryDirectory } from './testing.ts';

const text = readFileSync(new URL('../../docs/annotations.md', import.meta.url), 'utf8');

/** Field names in the first column of the table after a piece of text. */
function fieldsAfter(start: string): string[] {
  const from = text.indexOf(start);
  expect(from, start).toBeGreaterThan(-1);
  const table = /\| field \|.*\n\|[-|]+\n((?:\|.*\n)+)/.exec(text.slice(from))?.[1] ?? '';
  return table
    .split('\n')
    .flatMap((line) => [...(line.split('|')[1] ?? '').matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? ''));
}

test('docs/annotations.md has every field of the records, and no other', () => {
  const keys = (record: { readonly shape: object }) => Object.keys(record.shape).sort();
  expect(fieldsAfter('## Responses').sort()).toEqual(keys(ResponseRecord));
  expect(fieldsAfter('## Annotations').sort()).toEqual(keys(AnnotationRecord));
  expect(fieldsAfter('Each entry of `tokens`').sort()).toEqual(keys(TokenRecord));
  expect(fieldsAfter('Each entry of `alternatives`').sort()).toEqual(keys(AlternativeRecord));
});

test('docs/annotations.md names every field of report.json', async () => {
  const runDir = temporaryDirectory();
  writeSyntheticRun(runDir, { responses: 10, questions: 50, steps: 8 });
  const summary = summarize(await gatherAt(runDir));
  expect(fieldsAfter("## The report's numbers").sort()).toEqual(Object.keys(summary).sort());
  const section = text.slice(text.indexOf("## The report's numbers"));
  const inner = [
    summary.run,
    summary.trials[0],
    summary.criticality,
    summary.results[0],
    summary.results[0]?.rows[0],
    summary.results[0]?.comparisons[0],
  ];
  for (const field of inner.flatMap((part) => Object.keys(part ?? {})))
    expect(section, field).toContain(`\`${field}\``);
});
