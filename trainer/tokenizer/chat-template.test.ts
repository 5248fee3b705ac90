import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createChatRenderer } from './chat-template.ts';
import type { ChatMessage } from './tokenizer.ts';

/** What scripts/reference/chat_cases.py writes: transformers' rendering of the templates beside it. */
interface Reference {
  readonly tokens: Readonly<Record<string, string>>;
  readonly now: string;
  readonly cases: readonly {
    readonly template: string;
    readonly messages: readonly ChatMessage[];
    readonly addGenerationPrompt: boolean;
    readonly text?: string;
    readonly error?: string;
  }[];
}

const dir = join(import.meta.dirname, 'testdata/chat');
const reference = JSON.parse(await readFile(join(dir, 'reference.json'), 'utf8')) as Reference;
const templates = [...new Set(reference.cases.map(({ template }) => template))];

describe.each(templates)('%s', async (template) => {
  const source = await readFile(join(dir, template), 'utf8');
  const render = createChatRenderer(source, reference.tokens, template, () => new Date(reference.now));

  test('renders as transformers does, and refuses what it refuses in its own words', () => {
    for (const { messages, addGenerationPrompt, text, error } of reference.cases.filter(
      (c) => c.template === template,
    )) {
      if (error === undefined) expect(render(messages, addGenerationPrompt), JSON.stringify(messages)).toBe(text);
      else
        expect(() => render(messages, addGenerationPrompt)).toThrow(
          expect.objectContaining({ code: 'InvalidRecord', where: template, message: expect.stringContaining(error) }),
        );
    }
  });
});

test('the date is for templates that cannot do without it', () => {
  const render = (source: string) =>
    createChatRenderer(source, {}, 'here', () => new Date('2025-03-09T07:05:03'))([], false);
  expect(render("{{ strftime_now('%d %b %Y') }}")).toBe('09 Mar 2025');
  expect(render("{{ strftime_now('%Y') if strftime_now is defined else 'some day' }}")).toBe('some day');
  expect(render('{% if strftime_now is not defined %}never{% endif %}')).toBe('never');
});

test.each([
  ['{{ messages', /does not parse/],
  [`{{ ${'('.repeat(20_000)} }}`, /does not parse/],
  ['{{ messages | nothing }}', /Unknown ArrayValue filter/],
  ['{% for i in range(10 ** 12) %}{% endfor %}', /fails/],
  ['{% for i in range(1000000000000) %}{% endfor %}', /has more than 100000 numbers/],
  ['{{ range(0, 10, 0) }}', /has more than 100000 numbers/],
  ['{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}', /no end in sight/],
])('%.60s ends in an error that says why', (source, message) => {
  expect(() => createChatRenderer(source, {}, 'here')([], false)).toThrow(
    expect.objectContaining({ code: 'InvalidConfig', where: 'here', message: expect.stringMatching(message) }),
  );
});
