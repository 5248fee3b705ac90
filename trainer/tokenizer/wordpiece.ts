import type { Model } from './library.ts';

/** What tokenizer.json says of a WordPiece model. */
export interface WordPieceConfig {
  readonly vocab: Readonly<Record<string, number>>;
  readonly unk_token?: string | null | undefined;
  /** Stands before each piece but a word's first. Default: `##`. */
  readonly continuing_subword_prefix?: string | null | undefined;
  /** Longer words are unknown. Default: 100. */
  readonly max_input_chars_per_word?: number | null | undefined;
}

/** WordPiece as the Rust tokenizers do it: at each place the longest piece of the vocabulary. A word that has a place without one is unknown. */
export function createWordPiece(config: WordPieceConfig): Model {
  const ids = new Map(Object.entries(config.vocab));
  const prefix = config.continuing_subword_prefix ?? '##';
  const mostCharacters = config.max_input_chars_per_word ?? 100;
  const unknown = config.unk_token ?? undefined;
  const longest = [...ids.keys()].reduce((length, piece) => Math.max(length, Array.from(piece).length), 0);

  const pieces = (characters: readonly string[]): string[] | undefined => {
    const out: string[] = [];
    for (let start = 0; start < characters.length; ) {
      let end = Math.min(characters.length, start + longest);
      const piece = () => (start > 0 ? prefix : '') + characters.slice(start, end).join('');
      while (end > start && !ids.has(piece())) end--;
      if (end === start) return undefined;
      out.push(piece());
      start = end;
    }
    return out;
  };
  const encode = (words: readonly string[]): string[] =>
    words.flatMap((word) => {
      const characters = Array.from(word);
      return (characters.length > mostCharacters ? undefined : pieces(characters)) ?? [unknown ?? word];
    });
  return Object.assign(encode, {
    tokens_to_ids: ids,
    unk_token_id: unknown === undefined ? undefined : ids.get(unknown),
  });
}
