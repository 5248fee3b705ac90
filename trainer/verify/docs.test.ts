import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { PRESET_NAMES } from '../../crds/spec/presets.ts';
import { VerifierSpec } from '../../crds/spec/verifier.ts';
import { createVerifier } from './create.ts';

const page = (name: string) => readFileSync(new URL(`../../docs/${name}.md`, import.meta.url), 'utf8');

/** The rows of the table whose first heading is `heading`. */
function table(text: string, heading: string): string[][] {
  const rows = new RegExp(`\\| ${heading} \\|.*\\n\\|[-|]+\\n((?:\\|.*\\n)+)`).exec(text)?.[1] ?? '';
  return rows
    .trim()
    .split('\n')
    .map((line) =>
      line.split(' | ').map((cell) =>
        cell
          .replace(/^\| |\|$/g, '')
          .trim()
          .replace(/^`(.*)`$/, '$1'),
      ),
    );
}

test('the verdicts in docs/verifiers.md are those that math gives', async () => {
  const rows = table(page('verifiers'), 'response');
  expect(rows.length).toBeGreaterThan(20);
  const items = rows.map(([response = '', answer = '']) => ({ response, answer }));
  const verdicts = await createVerifier({ type: 'math' }).verify(items);
  expect(verdicts.map(({ correct }) => (correct ? 'correct' : 'wrong'))).toEqual(rows.map(([, , verdict]) => verdict));
});

test('docs/verifiers.md has every type with its settings', () => {
  const rows = table(page('verifiers'), '`type`');
  const documented = rows.map(([type, , settings = '']) => [
    type,
    [...settings.matchAll(/\w+/g)].map(([name]) => name).sort(),
  ]);
  const types = VerifierSpec.options.map((option) => {
    const shape: object = 'in' in option ? option.in.shape : option.shape;
    const [type] = 'in' in option ? option.in.shape.type.values : option.shape.type.values;
    return [
      type,
      Object.keys(shape)
        .filter((name) => name !== 'type')
        .sort(),
    ];
  });
  expect(documented).toEqual(types);
});

test('docs/data.md has every preset', () => {
  expect(table(page('data'), 'preset').map(([name]) => name)).toEqual(PRESET_NAMES);
});
