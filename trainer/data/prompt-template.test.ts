import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseTemplate, renderTemplate } from './prompt-template.ts';

const render = (template: string, values: Record<string, string> = {}) =>
  renderTemplate(parseTemplate(template), (name) => values[name] ?? `<no ${name}>`);

test.each([
  ['{question}\n', 'Q\n'],
  ['{question}{question}', 'QQ'],
  ['{{question}}', '{question}'],
  ['{{{question}}}', '{Q}'],
  ['\\boxed{} { x } {1} {', '\\boxed{} { x } {1} {'],
  ['{a.b-c_1}', 'dotted'],
  ['', ''],
])('%j renders as %j', (template, text) => {
  expect(render(template, { question: 'Q', 'a.b-c_1': 'dotted' })).toBe(text);
});

test('any text comes back from its escaped form, and values are never looked into', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (text, value) => {
      const escaped = text.replace(/[{}]/g, '$&$&');
      expect(render(escaped)).toBe(text);
      expect(render(`${escaped} {x}`, { x: value })).toBe(`${text} ${value}`);
    }),
  );
});
