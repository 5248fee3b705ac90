import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { AnnotationRecord } from './record.ts';
import { agreement, transferMasks } from './transfer.ts';

type Bit = 0 | 1;
const END = '<end>';

/** A record of these tokens; an end token closes it. `drops` are what the best other token loses. */
function record(
  texts: readonly string[],
  mask: readonly Bit[],
  drops: readonly number[] = [],
  response = texts.join(''),
): AnnotationRecord {
  const tokens = [...texts, END].map((text, t) => ({
    id: text.length * 1000 + (text.codePointAt(0) ?? 0),
    text,
    probability: 0.5 + (drops[t] ?? 0) / 2,
    entropy: 1,
    alternatives: [
      {
        rank: 2 as const,
        id: 1,
        text: '?',
        probability: 0.5 - (drops[t] ?? 0) / 2,
        outcome: 'skipped' as const,
        extracted: null,
        finish: null,
        margin: null,
        length: null,
      },
    ],
  }));
  const ids = tokens.map(({ id }) => id);
  const empty = { id: 'q', question: 'Q', prompt: 'Q', answer: '1', promptIds: [1] };
  return {
    ...empty,
    response,
    responseIds: ids,
    masks: { 'strict-2': [...mask], 'strict-3': mask.map(() => 0) },
    tokens,
  };
}

const texts = fc.string({ unit: fc.constantFrom('a', 'b', ' ', '4', 'é', '😀'), minLength: 1, maxLength: 20 });
/** A text cut into tokens, between any two of its characters. */
const cut = (text: string, at: readonly number[]) => {
  const characters = [...text];
  const places = [...new Set(at.map((place) => place % characters.length))]
    .filter((place) => place > 0)
    .sort((a, b) => a - b);
  return [0, ...places].map((place, i, all) => characters.slice(place, all[i + 1]).join(''));
};
const cuts = fc.array(fc.nat(1000), { maxLength: 8 });

describe('masks of another model', () => {
  test('stay as they are where the tokens are the same', () => {
    const own = record(['so ', '4', '2'], [0, 1, 1, 0]);
    expect(transferMasks(own, record(['so ', '4', '2'], [0, 0, 0, 0]))).toEqual({ way: 'tokens', masks: own.masks });
  });

  test('go to the tokens that cover their characters', () => {
    const source = record(['is', ' 4', '2', '.'], [0, 0, 1, 0, 1]);
    const target = record(['i', 's ', '42', '.'], [0, 0, 0, 0, 0]);
    expect(transferMasks(source, target)).toMatchObject({ way: 'spans', masks: { 'strict-2': [0, 0, 1, 0, 1] } });
  });

  test('however a text is cut, exactly the tokens with a critical character are critical', () => {
    fc.assert(
      fc.property(
        texts,
        cuts,
        cuts,
        fc.array(fc.constantFrom<Bit>(0, 1), { minLength: 30, maxLength: 30 }),
        (text, a, b, bits) => {
          const [from, to] = [cut(text, a), cut(text, b)];
          const mask = bits.slice(0, from.length + 1);
          const critical = from.flatMap((token, t) => Array.from({ length: token.length }, () => mask[t] as Bit));
          const expected: Bit[] = [];
          let at = 0;
          for (const token of to) {
            expected.push(critical.slice(at, at + token.length).includes(1) ? 1 : 0);
            at += token.length;
          }
          const { masks } = transferMasks(record(from, mask), record(to, []));
          expect(masks['strict-2']).toEqual([...expected, mask.at(-1)]);
        },
      ),
    );
  });

  test('are chosen by the loss of probability where texts do not add up, with the same share', () => {
    const source = record(['a', 'b', 'c'], [0, 1, 0, 0]);
    const target = record(
      ['<0xE4>', '<0xBD>', '<0xA0>', 'b', 'c', 'd', 'e'],
      [],
      [0.1, 0.9, 0.2, 0.3, 0.8, 0, 0, 0],
      'abc',
    );
    expect(transferMasks(source, target)).toEqual({
      way: 'scores',
      masks: { 'strict-2': [0, 1, 0, 0, 1, 0, 0, 0], 'strict-3': [0, 0, 0, 0, 0, 0, 0, 0] },
    });
  });
});

describe('agreement', () => {
  test('counts what both say', () => {
    const found = agreement([
      [
        [1, 1, 0, 0],
        [1, 0, 0, 0],
      ],
      [
        [0, 0],
        [1, 0],
      ],
    ]);
    expect(found).toMatchObject({ tokens: 6, both: 1, first: 1, second: 1, same: 4 / 6, jaccard: 1 / 3 });
    expect(found.kappa).toBeCloseTo(0.25);
  });

  test('is 1 with itself, and does not depend on the order', () => {
    const mask = fc.array(fc.constantFrom<Bit>(0, 1), { minLength: 5, maxLength: 5 });
    fc.assert(
      fc.property(mask, mask, (a, b) => {
        expect(agreement([[a, a]])).toMatchObject({ same: 1, jaccard: 1, kappa: 1 });
        expect(agreement([[a, b]]).kappa).toBeCloseTo(agreement([[b, a]]).kappa);
      }),
    );
    expect(() => agreement([[[1], [1, 0]]])).toThrow(/masks of 1 and 2 tokens/);
  });
});
