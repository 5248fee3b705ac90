import { expect, test } from 'vitest';
import { checkVocabulary } from './check-vocabulary.ts';
import type { TokenizerJson } from './tokenizer-files.ts';

const VOCAB = { a: 0, b: 1, ab: 2, '<s>': 3 };
const MERGES = ['a b'];

function json(model: object, added: readonly [string, number][] = [['<s>', 3]]): TokenizerJson {
  const added_tokens = added.map(([content, id]) => ({ id, content }));
  return { model: { type: 'BPE', vocab: VOCAB, merges: MERGES, ...model }, added_tokens } as unknown as TokenizerJson;
}

test.each<[string, TokenizerJson]>([
  ['merges as texts', json({})],
  ['merges as pairs', json({ merges: [['a', 'b']] })],
  [
    'pieces with a prefix inside words',
    json({ vocab: { a: 0, '##b': 1, ab: 2 }, merges: ['a ##b'], continuing_subword_prefix: '##' }, []),
  ],
  ['an added token that the vocabulary lacks', json({}, [['<x>', 4]])],
  ['a model without merges', json({ type: 'WordLevel', merges: undefined })],
  [
    'Unigram',
    json({
      type: 'Unigram',
      vocab: [
        ['<unk>', 0],
        ['a', -1],
      ],
      unk_id: 0,
    }),
  ],
])('%s is fine', (_, tokenizer) => {
  expect(() => checkVocabulary(tokenizer)).not.toThrow();
});

test.each<[string, TokenizerJson, string]>([
  ['one id for two tokens', json({ vocab: { ...VOCAB, c: 1 } }), '"b" and "c" have the same id 1'],
  ['an added token at another’s id', json({}, [['<x>', 1]]), '"b" and "<x>" have the same id 1'],
  ['an added token with another id than its own', json({}, [['<s>', 4]]), '"<s>" has the ids 3 and 4'],
  [
    'two added tokens with one id',
    json({}, [
      ['<x>', 4],
      ['<y>', 4],
    ]),
    '"<x>" and "<y>" have the same id 4',
  ],
  ['a merge of an unknown token', json({ merges: ['a b', 'a c'] }), 'merge 1, "a c", needs the token "c"'],
  ['a merge into an unknown token', json({ merges: ['b a'] }), 'needs the token "ba"'],
  ['a merge of three', json({ merges: ['a b a'] }), 'merge 0 is "a b a", not two tokens'],
  ['a merge that is a number', json({ merges: [5] }), 'merge 0 is 5, not two tokens'],
  ['ids where Unigram has scores', json({ type: 'Unigram' }), 'not of the shape that Unigram has'],
  ['scores where BPE has ids', json({ vocab: [['a', 0]] }), 'not of the shape that BPE has'],
  ['no merges', json({ merges: undefined }), 'model.merges is no list'],
  ['an unknown token beyond the end', json({ type: 'Unigram', vocab: [['a', 0]], unk_id: 1 }), 'unk_id 1 is beyond'],
])('%s is refused', (_, tokenizer, message) => {
  expect(() => checkVocabulary(tokenizer)).toThrow(
    expect.objectContaining({ code: 'CorruptFile', message: expect.stringContaining(message) }),
  );
});

test('a Unigram piece so long that a text would take for ever is refused', () => {
  const withPiece = (length: number) =>
    json(
      {
        type: 'Unigram',
        vocab: [
          ['x', 0],
          ['a'.repeat(length), 0],
        ],
      },
      [],
    );
  expect(() => checkVocabulary(withPiece(512))).not.toThrow();
  expect(() => checkVocabulary(withPiece(513))).toThrow(
    expect.objectContaining({ code: 'UnsupportedModel', message: expect.stringContaining('model.vocab.1: ') }),
  );
});
