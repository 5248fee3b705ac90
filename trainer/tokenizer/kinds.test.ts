/** Against the Rust tokenizers themselves: more kinds and more texts than are worth keeping as fixtures. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runReference } from '../../scripts/reference/run.ts';
import { referencePython } from '../../scripts/reference-env.ts';
import { loadTokenizer } from './load.ts';
import { tokenSpans } from './spans.ts';

interface Reference {
  readonly encode: readonly {
    readonly text: string;
    readonly ids: number[];
    readonly withSpecial: number[];
    readonly plain: number[];
    readonly decoded: string;
    readonly skipped: string;
    readonly offsets?: [number, number][];
  }[];
  readonly decode: readonly { readonly ids: number[]; readonly decoded: string; readonly skipped: string }[];
}

const python = referencePython();
let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'cft-tokenizers-'));
});
afterAll(() => rm(root, { recursive: true }));

test.skipIf(python === undefined)(
  'every kind of tokenizer agrees with the Rust tokenizers on ids, texts and places',
  async () => {
    runReference(python as string, 'tokenizer_kinds.py', [join(root, 'kinds')]);
    const kinds = await readdir(join(root, 'kinds'));
    expect(kinds.length).toBeGreaterThan(30);
    for (const kind of kinds) {
      const dir = join(root, 'kinds', kind);
      const tokenizer = await loadTokenizer(dir);
      const reference = JSON.parse(await readFile(join(dir, 'reference.json'), 'utf8')) as Reference;
      for (const { text, ids, withSpecial, plain, decoded, skipped, offsets } of reference.encode) {
        const what = `${kind}: ${JSON.stringify(text)}`;
        expect(tokenizer.encode(text, { addSpecialTokens: false }), what).toEqual(ids);
        expect(tokenizer.encode(text), what).toEqual(withSpecial);
        expect(tokenizer.encode(text, { addSpecialTokens: false, literal: true }), what).toEqual(plain);
        expect(tokenizer.decode(ids), what).toBe(decoded);
        expect(tokenizer.decode(withSpecial, { skipSpecialTokens: true }), what).toBe(skipped);
        if (offsets !== undefined) expect(charactersOf(tokenSpans(tokenizer, ids)), what).toEqual(offsets);
      }
      for (const { ids, decoded, skipped } of reference.decode) {
        expect(tokenizer.decode(ids), `${kind}: ${ids}`).toBe(decoded);
        expect(tokenizer.decode(ids, { skipSpecialTokens: true }), `${kind}: ${ids}`).toBe(skipped);
      }
    }
  },
);

/** Rust counts characters where JavaScript counts their halves. */
function charactersOf({ text, spans }: ReturnType<typeof tokenSpans>): [number, number][] {
  const count = (end: number) => Array.from(text.slice(0, end)).length;
  return spans.map(({ start, end }) => [count(start), count(end)]);
}
