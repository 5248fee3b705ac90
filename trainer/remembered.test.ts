import { expect, test } from 'vitest';
import { remembered } from './remembered.ts';

test('what was computed for a text is not computed again, nothing among it', () => {
  const asked: string[] = [];
  const firstDigit = remembered((text) => {
    asked.push(text);
    return /\d/.exec(text)?.[0];
  });
  expect(['a1', 'none', 'a1', 'none'].map(firstDigit)).toEqual(['1', undefined, '1', undefined]);
  expect(asked).toEqual(['a1', 'none']);
});

test('a text that can not be read is refused each time', () => {
  const read = remembered((text) => JSON.parse(text) as unknown);
  for (let i = 0; i < 2; i++) expect(() => read('{')).toThrow(SyntaxError);
});

test('however many texts come, each gets its own result, and few are kept', () => {
  const copies = remembered((text) => ({ text }), 1000);
  const [first] = Array.from({ length: 10_000 }, (_, i) => copies(String(i)));
  expect(copies('0')).toEqual(first);
  expect(copies('0')).not.toBe(first);
});
