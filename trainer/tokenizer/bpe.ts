import { byteTokens } from './byte-level.ts';
import type { Model } from './library.ts';
import { createMerging, type Merge } from './merging.ts';

/** What tokenizer.json says of a BPE model, whose vocabulary and merges have been checked. */
export interface BpeConfig {
  readonly vocab: Readonly<Record<string, number>>;
  /** Two tokens each, in the order of their learning: the first that fits is done first. */
  readonly merges: readonly Merge[];
  readonly unk_token?: string | null | undefined;
  /** Whether unknown characters side by side are one unknown token. */
  readonly fuse_unk?: unknown;
  /** Stands before each character but a word's first. */
  readonly continuing_subword_prefix?: string | null | undefined;
  /** Stands after a word's last character. */
  readonly end_of_word_suffix?: string | null | undefined;
  /** Whether an unknown character becomes the tokens of its bytes. */
  readonly byte_fallback?: boolean | null | undefined;
  /** Whether a word of the vocabulary is taken as it is. */
  readonly ignore_merges?: unknown;
}

/** Words whose tokens are kept: most of a text is words that were there before. */
const MAX_KEPT_WORDS = 20_000;
const MAX_KEPT_LENGTH = 100;

/**
 * Byte-pair encoding as the Rust tokenizers do it: a word begins as its characters, and of all neighbours that have a merge those of the
 * earliest merge are joined, the leftmost first, until none are left. A character without a token is left out where there is no unknown token.
 */
export function createBpe(config: BpeConfig): Model {
  const ids = new Map(Object.entries(config.vocab));
  const pieces = createPieces(config, ids);
  const join = createMerging(ids.keys(), config.merges, config.continuing_subword_prefix ?? '');
  const kept = new Map<string, readonly string[]>();
  const tokens = (word: string): readonly string[] => {
    if (config.ignore_merges === true && ids.has(word)) return [word];
    const known = kept.get(word);
    if (known !== undefined) return known;
    const joined = join(pieces(word));
    if (kept.size >= MAX_KEPT_WORDS) kept.clear();
    if (word.length <= MAX_KEPT_LENGTH) kept.set(word, joined);
    return joined;
  };
  const encode = (words: readonly string[]): string[] => words.flatMap(tokens);
  const unknown = config.unk_token ?? undefined;
  return Object.assign(encode, {
    tokens_to_ids: ids,
    unk_token_id: unknown === undefined ? undefined : ids.get(unknown),
  });
}

/** A function that cuts a word into the tokens of its characters. */
function createPieces(config: BpeConfig, ids: ReadonlyMap<string, number>): (word: string) => string[] {
  const prefix = config.continuing_subword_prefix ?? '';
  const suffix = config.end_of_word_suffix ?? '';
  const unknown = config.unk_token ?? undefined;
  const bytesOf = (piece: string) => (config.byte_fallback === true ? byteTokens(piece, ids) : undefined);
  return (word) => {
    const out: string[] = [];
    let pending = false;
    const flush = () => {
      if (pending) out.push(unknown as string);
      pending = false;
    };
    const characters = Array.from(word);
    for (const [i, character] of characters.entries()) {
      const piece = (i > 0 ? prefix : '') + character + (i === characters.length - 1 ? suffix : '');
      const bytes = ids.has(piece) ? undefined : bytesOf(piece);
      if (ids.has(piece)) {
        flush();
        out.push(piece);
      } else if (bytes !== undefined) out.push(...bytes);
      else if (unknown !== undefined) {
        if (config.fuse_unk !== true) flush();
        pending = true;
      }
    }
    flush();
    return out;
  };
}
