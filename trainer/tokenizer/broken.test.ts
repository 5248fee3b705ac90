import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadTokenizer } from './load.ts';

const testdata = join(import.meta.dirname, 'testdata');
let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'cft-broken-'));
});
afterAll(() => rm(root, { recursive: true }));

type Path = readonly (string | number)[];

/** Every place of a JSON value, but for the entries of long lists. */
function placesOf(value: unknown, path: Path = []): Path[] {
  const inside =
    typeof value !== 'object' || value === null || ['vocab', 'merges'].includes(String(path.at(-1)))
      ? []
      : Object.entries(value).flatMap(([key, child]) =>
          placesOf(child, [...path, Array.isArray(value) ? Number(key) : key]),
        );
  return path.length === 0 ? inside : [path, ...inside];
}

/** The value with another one, or with nothing, at a place. */
function changedAt(value: unknown, [key, ...rest]: Path, replacement: unknown): unknown {
  const copy = (Array.isArray(value) ? [...value] : { ...(value as object) }) as Record<string | number, unknown>;
  if (rest.length > 0) copy[key as string] = changedAt(copy[key as string], rest, replacement);
  else if (replacement === undefined) delete copy[key as string];
  else copy[key as string] = replacement;
  return copy;
}

test.each(['llama3', 'metaspace', 'sentencepiece', 'words'])(
  'a %s tokenizer.json with anything in any place works, or is refused',
  async (kind) => {
    const dir = join(root, kind);
    await cp(join(testdata, kind), dir, { recursive: true });
    const intact = JSON.parse(await readFile(join(dir, 'tokenizer.json'), 'utf8'));
    const replacement = fc.constantFrom(undefined, null, 5, 'x', [], {}, true, [1], { type: 'X' });
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...placesOf(intact)), replacement, async (place, value) => {
        await writeFile(join(dir, 'tokenizer.json'), JSON.stringify(changedAt(intact, place, value)));
        try {
          const tokenizer = await loadTokenizer(dir);
          const ids = tokenizer.encode('Hello  wörld 😀 12');
          expect(ids.every(Number.isInteger)).toBe(true);
          expect(tokenizer.decode(ids)).not.toMatch(/undefined|object/);
        } catch (error) {
          expect(error).toMatchObject({ name: 'CftError' });
        }
      }),
      { numRuns: 50 },
    );
  },
);
