import { expect, test } from 'vitest';
import { checkPostProcessor } from './check-post-processor.ts';

const BEGIN = { SpecialToken: { id: '<s>', type_id: 0 } };
const TEXT = { Sequence: { id: 'A', type_id: 0 } };
const template = (single: unknown) => ({ type: 'TemplateProcessing', single, pair: [] });
const begin = (id: number) => ({
  ...template([BEGIN, TEXT]),
  special_tokens: { '<s>': { id: '<s>', ids: [id], tokens: ['<s>'] } },
});
const around = (id: unknown) => ({ type: 'BertProcessing', cls: ['<s>', id], sep: ['</s>', 2] });
const idOf = (token: string) => new Map([['<s>', 1]]).get(token);
const inSequence = (...processors: unknown[]) => ({ type: 'Sequence', processors });

test.each([
  ['none', null],
  ['another kind', { type: 'ByteLevel' }],
  ['a template', template([BEGIN, TEXT])],
  ['one with the ids of the vocabulary', begin(1)],
  ['tokens around the text', around(1)],
  ['one in a sequence', inSequence({ type: 'ByteLevel' }, template([BEGIN, TEXT]))],
])('%s is fine', (_, config) => {
  expect(() => checkPostProcessor(config, idOf)).not.toThrow();
});

test.each([
  ['no list', template('<s> $A'), 'post_processor.single'],
  ['no text', template([BEGIN]), 'must hold the text once'],
  ['an unknown piece', template([{ Token: '<s>' }, TEXT]), 'post_processor.single.0'],
  ['a token without a name', template([{ SpecialToken: {} }, TEXT]), 'post_processor.single.0'],
  ['a sequence of nothing', { type: 'Sequence' }, 'post_processor.processors'],
  ['an id that is none', around('1'), 'post_processor.cls.1'],
  ['one of these in a sequence', inSequence(null, template([])), 'post_processor.processors.1.single'],
])('%s is refused with its place', (_, config, message) => {
  expect(() => checkPostProcessor(config, idOf)).toThrow(
    expect.objectContaining({ code: 'InvalidConfig', message: expect.stringContaining(message) }),
  );
});

test.each([begin(3), around(3)])('another id than that of the vocabulary is refused: %j', (config) => {
  expect(() => checkPostProcessor(config, idOf)).toThrow('"<s>" has the id 3 here, and 1 in the vocabulary');
});
