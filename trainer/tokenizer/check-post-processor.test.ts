import { expect, test } from 'vitest';
import { checkPostProcessor } from './check-post-processor.ts';

const BEGIN = { SpecialToken: { id: '<s>', type_id: 0 } };
const TEXT = { Sequence: { id: 'A', type_id: 0 } };
const template = (single: unknown) => ({ type: 'TemplateProcessing', single, pair: [] });
const inSequence = (...processors: unknown[]) => ({ type: 'Sequence', processors });

test.each([
  ['none', null],
  ['another kind', { type: 'ByteLevel' }],
  ['a template', template([BEGIN, TEXT])],
  ['one in a sequence', inSequence({ type: 'ByteLevel' }, template([BEGIN, TEXT]))],
])('%s is fine', (_, config) => {
  expect(() => checkPostProcessor(config)).not.toThrow();
});

test.each([
  ['no list', template('<s> $A'), 'post_processor.single'],
  ['no text', template([BEGIN]), 'must hold the text once'],
  ['an unknown piece', template([{ Token: '<s>' }, TEXT]), 'post_processor.single.0'],
  ['a token without a name', template([{ SpecialToken: {} }, TEXT]), 'post_processor.single.0'],
  ['a sequence of nothing', { type: 'Sequence' }, 'post_processor.processors'],
  ['one of these in a sequence', inSequence(null, template([])), 'post_processor.processors.1.single'],
])('%s is refused with its place', (_, config, message) => {
  expect(() => checkPostProcessor(config)).toThrow(
    expect.objectContaining({ code: 'InvalidConfig', message: expect.stringContaining(message) }),
  );
});
