import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createRandom } from '../random.ts';
import { chooseExamples, placeTokens, toExample } from './examples.ts';
import { AnnotationRecord } from './records.ts';
import { annotationLine } from './testdata.ts';

const word = fc.string({ unit: fc.constantFrom(...'ab1.='), minLength: 1, maxLength: 4 });

test('tokens and the gaps between them give the response back', () => {
  fc.assert(
    fc.property(fc.array(word, { minLength: 1 }), fc.constantFrom(' ', '  ', '\n', ''), (words, glue) => {
      const response = words.join(glue);
      const placed = placeTokens(words, response);
      expect(placed.map(({ gap }, i) => gap + words[i]).join('')).toBe(response);
      expect(placed.some(({ special }) => special)).toBe(false);
    }),
  );
});

test('a token that the text does not show is special at the end, and only passed over before', () => {
  expect(placeTokens(['so', ' 4', '<|end|>'], 'so 4')).toEqual([
    { gap: '', special: false },
    { gap: '', special: false },
    { gap: '', special: true },
  ]);
  // A character of several tokens: neither part stands in the text as the tokenizer spells it.
  expect(placeTokens(['a', '\ufffd', 'b'], 'a b').map(({ special }) => special)).toEqual([false, false, false]);
});

test('the choice shows the range of shares, is the same each time, and bounds the page', () => {
  const candidates = Array.from({ length: 500 }, (_, i) => ({
    file: 'a.jsonl',
    line: i + 1,
    ratio: (i * 7919) % 500,
    tokens: 40,
  }));
  const chosen = chooseExamples(candidates);
  expect(chosen).toHaveLength(12);
  expect(chosen.map(({ ratio }) => ratio)).toEqual(chosen.map(({ ratio }) => ratio).toSorted((a, b) => a - b));
  expect((chosen.at(-1)?.ratio ?? 0) - (chosen[0]?.ratio ?? 0)).toBeGreaterThan(400);
  expect(chooseExamples(candidates.toReversed())).toEqual(chosen);
  const long = candidates.map((candidate) => ({ ...candidate, tokens: 100_000 }));
  expect(chooseExamples(long).length).toBeLessThanOrEqual(7);
  expect(chooseExamples(candidates.slice(0, 1))).toHaveLength(1);
  expect(chooseExamples([])).toEqual([]);
});

test('a very long response is cut and says so', () => {
  const tokens = [...Array.from({ length: 2000 }, () => ' 1'), '<|end|>'];
  const line = annotationLine('q', { question: 'q', answer: '1', tokens }, createRandom(1));
  const example = toExample(AnnotationRecord.parse(line), 'strict-3');
  expect(example.tokens.length + example.omitted).toBe(2001);
  expect(example.tokens.length).toBeLessThan(1000);
});
