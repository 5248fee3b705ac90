import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadTokenizer } from './load.ts';

interface Reference {
  encode: { text: string; ids: number[]; withSpecial: number[]; plain: number[]; decoded: string; skipped: string }[];
  decode: { ids: number[]; decoded: string; skipped: string }[];
}

const testdata = join(import.meta.dirname, 'testdata');

// What Hugging Face's Rust tokenizers make of each text: scripts/reference/tokenizer_cases.py.
describe.each(['qwen2', 'llama3', 'metaspace', 'unigram', 'sentencepiece', 'words'])(
  '%s agrees with the Rust tokenizers',
  async (kind) => {
    const tokenizer = await loadTokenizer(join(testdata, kind));
    const reference = JSON.parse(await readFile(join(testdata, kind, 'reference.json'), 'utf8')) as Reference;

    test('on the ids of each text', () => {
      for (const { text, ids, withSpecial } of reference.encode) {
        expect(tokenizer.encode(text, { addSpecialTokens: false }), JSON.stringify(text)).toEqual(ids);
        expect(tokenizer.encode(text), JSON.stringify(text)).toEqual(withSpecial);
      }
    });

    test('on special tokens written out in literal text', () => {
      for (const { text, plain } of reference.encode) {
        expect(tokenizer.encode(text, { addSpecialTokens: false, literal: true }), JSON.stringify(text)).toEqual(plain);
        expect(tokenizer.encode(tokenizer.literal(text), { addSpecialTokens: false }), JSON.stringify(text)).toEqual(
          plain,
        );
      }
    });

    test('on the text of each list of ids, also of ids that make no valid UTF-8', () => {
      for (const { ids, withSpecial, decoded, skipped } of reference.encode) {
        expect(tokenizer.decode(ids)).toBe(decoded);
        expect(tokenizer.decode(withSpecial, { skipSpecialTokens: true })).toBe(skipped);
      }
      for (const { ids, decoded, skipped } of reference.decode) {
        expect(tokenizer.decode(ids), String(ids)).toBe(decoded);
        expect(tokenizer.decode(ids, { skipSpecialTokens: true }), String(ids)).toBe(skipped);
      }
    });
  },
);
