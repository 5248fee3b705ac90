/** Masks carried between tokenizers of different kinds, as trained and as Hugging Face's tokenizers cut texts with them. */
import { join } from 'node:path';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { loadTokenizer } from '../tokenizer/load.ts';
import { type Span, tokenSpans } from '../tokenizer/spans.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import type { AnnotationRecord } from './record.ts';
import { transferMasks } from './transfer.ts';

type Bit = 0 | 1;

const load = (name: string) => loadTokenizer(join(import.meta.dirname, '../tokenizer/testdata', name));

/** Byte-level BPE; BPE with metaspace and byte fallback; Unigram with byte fallback, and without. */
const tokenizers = {
  qwen2: await load('qwen2'),
  llama3: await load('llama3'),
  metaspace: await load('metaspace'),
  sentencepiece: await load('sentencepiece'),
  unigram: await load('unigram'),
};
type Name = keyof typeof tokenizers;
const names = Object.keys(tokenizers) as Name[];
const pairs = names.flatMap((from) => names.filter((to) => to !== from).map((to): [Name, Name] => [from, to]));

/** A response in a tokenizer's tokens, as `generate` records it where it was given, with the end token. */
function recordOf(
  tokenizer: Tokenizer,
  given: string | readonly number[],
  mask: (tokens: number) => readonly Bit[] = (tokens) => Array<Bit>(tokens).fill(0),
): AnnotationRecord {
  const ids =
    typeof given === 'string'
      ? [...tokenizer.encode(given, { addSpecialTokens: false, literal: true }), tokenizer.eosTokenId]
      : [...given];
  const bits = [...mask(ids.length)];
  const alternative = { rank: 2 as const, id: 0, text: '?', extracted: null, finish: null, margin: null, length: null };
  return {
    ...{ id: 'q', question: 'Q', prompt: 'Q', answer: '1', promptIds: [1] },
    response: tokenizer.decode(ids, { skipSpecialTokens: true }),
    responseIds: ids,
    masks: { 'strict-2': bits, 'strict-3': bits.map(() => 0) },
    tokens: ids.map((id, t) => {
      // Some number in (0, 0.5), another for each place.
      const drop = (((t + 1) * 0.618) % 1) / 2;
      const alternatives = [{ ...alternative, probability: 0.9 - 2 * drop, outcome: 'skipped' as const }];
      return { id, text: tokenizer.tokenText(id), probability: 0.9 - drop, entropy: 1, alternatives };
    }),
  };
}

/** The places of the tokens, as the tokenizer itself decodes one after the other. */
function placesOf(tokenizer: Tokenizer, { responseIds }: AnnotationRecord): readonly Span[] {
  return tokenSpans(tokenizer, responseIds, { skipSpecialTokens: true }).spans;
}

/** The characters (UTF-16) that critical tokens cover. */
function criticalCharacters(tokenizer: Tokenizer, record: AnnotationRecord, mask: readonly Bit[]): Set<number> {
  const spans = placesOf(tokenizer, record).filter((_, t) => mask[t] === 1);
  return new Set(spans.flatMap(({ start, end }) => Array.from({ length: end - start }, (_, i) => start + i)));
}

const covers = ({ start, end }: Span, characters: ReadonlySet<number>) =>
  Array.from({ length: end - start }, (_, i) => start + i).some((at) => characters.has(at));

const bitsOf = (seed: readonly Bit[]) => (tokens: number) =>
  Array.from({ length: tokens }, (_, t) => seed[t % seed.length] as Bit);
const seeds = fc.array(fc.constantFrom<Bit>(0, 1), { minLength: 1, maxLength: 31 });

const TEXTS = [
  'So the answer is 42. That means 6 * 7 = 42, and 84 / 2 = 42 as well.',
  'Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich: 12 + 30 = 42',
  'Съешь же ещё этих мягких французских булок, да выпей чаю.',
  '今日はとても良い天気ですね。',
  '  two spaces before, two  between\n\tlines\n\n#### 42',
  '6 * 7 = 42 😀',
  '👩‍👩‍👧 have 𝟙𝟚 apples',
  '42 ﷺ ₿ 7 龘靐',
  '<|im_end|> is text here, as </s> is and <0xE4>',
  'e\u0301  so ½\n\n龘 ﬁ²  42',
];

/** Whether two responses are the same but for a space before them. */
const readTheSame = (a: AnnotationRecord, b: AnnotationRecord) => a.response.trimStart() === b.response.trimStart();

/** The texts that two tokenizers write the same, and those that one of them changes. */
const textsOf = ([from, to]: readonly [Name, Name]) =>
  Map.groupBy(TEXTS, (text) =>
    readTheSame(recordOf(tokenizers[from], text), recordOf(tokenizers[to], text)) ? 'same' : 'other',
  );

test('every kind is tried on texts that go through it and on texts that do not', () => {
  for (const name of names) {
    const count = (which: 'same' | 'other') =>
      pairs.filter(([from]) => from === name).reduce((sum, pair) => sum + (textsOf(pair).get(which)?.length ?? 0), 0);
    expect(count('same'), name).toBeGreaterThan(TEXTS.length);
    expect(count('other'), name).toBeGreaterThan(TEXTS.length / 2);
  }
});

test.each(pairs)('from %s to %s exactly the tokens with a critical character are critical', (from, to) => {
  const [source, target] = [tokenizers[from], tokenizers[to]];
  fc.assert(
    fc.property(fc.constantFrom(...(textsOf([from, to]).get('same') ?? [])), seeds, (text, seed) => {
      const annotated = recordOf(source, text, bitsOf(seed));
      const scored = recordOf(target, text);
      const { masks, way } = transferMasks(annotated, scored);
      expect(way).toBe('spans');
      const mask = annotated.masks['strict-2'];
      const shift = scored.response.length - annotated.response.length;
      const critical = new Set([...criticalCharacters(source, annotated, mask)].map((at) => at + shift));
      for (const [t, span] of placesOf(target, scored).entries())
        if (span.start < span.end) expect(masks['strict-2'][t], `token ${t}`).toBe(covers(span, critical) ? 1 : 0);
      expect(masks['strict-2'].at(-1), 'the end token').toBe(mask.at(-1));
    }),
  );
});

const changing = pairs.filter((pair) => textsOf(pair).has('other'));

test.each(changing)('from %s to %s a text that reads otherwise keeps its share, by loss of probability', (from, to) => {
  fc.assert(
    fc.property(fc.constantFrom(...(textsOf([from, to]).get('other') ?? [])), seeds, (text, seed) => {
      const annotated = recordOf(tokenizers[from], text, bitsOf(seed));
      const scored = recordOf(tokenizers[to], text);
      const { masks, way } = transferMasks(annotated, scored);
      expect(way).toBe('scores');
      const mask = annotated.masks['strict-2'];
      const share = mask.filter((bit) => bit === 1).length / mask.length;
      const drops = scored.tokens.map(
        ({ probability, alternatives: [best] }) => probability - (best?.probability ?? 0),
      );
      const [chosen, left] = [1, 0].map((bit) => drops.filter((_, t) => masks['strict-2'][t] === bit)) as [
        number[],
        number[],
      ];
      expect(chosen).toHaveLength(Math.round(share * drops.length));
      expect(Math.min(...chosen, 1)).toBeGreaterThanOrEqual(Math.max(...left, -1));
    }),
  );
});

/** The texts of a record's critical tokens. */
const criticalTexts = ({ tokens }: AnnotationRecord, mask: readonly Bit[]) =>
  tokens.filter((_, t) => mask[t] === 1).map(({ text }) => text);

/** Carries the mask in which the tokens with these texts are critical. */
function carry(source: AnnotationRecord, texts: readonly string[], target: AnnotationRecord) {
  const bits = source.tokens.map(({ text }) => (texts.includes(text) ? 1 : 0));
  const { masks, way } = transferMasks({ ...source, masks: { 'strict-2': bits, 'strict-3': bits } }, target);
  return { way, critical: criticalTexts(target, masks['strict-2']) };
}

test('a token with the space before it covers both, the first one of a SentencePiece tokenizer only its word', () => {
  const text = 'So the answer is 42.';
  const [llama3, metaspace] = [recordOf(tokenizers.llama3, text), recordOf(tokenizers.metaspace, text)];
  expect(carry(llama3, ['42'], metaspace)).toEqual({ way: 'spans', critical: [' 4', '2'] });
  expect(carry(metaspace, [' 4'], llama3)).toEqual({ way: 'spans', critical: [' ', '42'] });
  expect(carry(metaspace, [' So'], llama3)).toEqual({ way: 'spans', critical: ['So'] });
  expect(carry(llama3, ['So'], metaspace)).toEqual({ way: 'spans', critical: [' So'] });
});

test('a byte of a character stands for the character, and for no other', () => {
  const text = 'öß42';
  const [qwen2, unigram] = [recordOf(tokenizers.qwen2, text), recordOf(tokenizers.unigram, text)];
  expect(carry(qwen2, ['<0x9F>'], unigram)).toEqual({ way: 'spans', critical: ['ß'] });
  expect(carry(unigram, ['ß'], qwen2)).toEqual({ way: 'spans', critical: ['<0xC3>', '<0x9F>'] });
});

test('a special token inside a response has no characters, and moves none', () => {
  const { qwen2, metaspace } = tokenizers;
  const ids = (text: string) => qwen2.encode(text, { addSpecialTokens: false });
  const source = recordOf(qwen2, [...ids('6 * 7'), ...ids('<|im_start|>'), ...ids(' = 42'), qwen2.eosTokenId]);
  const target = recordOf(metaspace, source.response);
  expect(source.response).toBe('6 * 7 = 42');
  expect(carry(source, ['<|im_start|>', '2'], target)).toEqual({ way: 'spans', critical: ['2'] });
  const end = source.tokens.at(-1)?.text ?? '';
  expect(carry(source, [end], target)).toEqual({ way: 'spans', critical: ['</s>'] });
});

test('a response that the budget cuts off keeps the masks of what is left', () => {
  const { qwen2, metaspace } = tokenizers;
  const source = recordOf(qwen2, 'So the answer is 42.');
  const whole = recordOf(metaspace, 'So the answer is 42.');
  const target = recordOf(metaspace, whole.responseIds.slice(0, -3));
  expect(target.response).toBe('So the answer is 4');
  expect(carry(source, ['So', '4', '2'], target)).toEqual({ way: 'spans', critical: [' So', ' 4'] });
});

test('a letter that is no token of the other one at the end of a response is no cut', () => {
  const source = recordOf(tokenizers.qwen2, '42 😀');
  expect(carry(source, ['4'], recordOf(tokenizers.unigram, '42 😀')).way).toBe('scores');
});
