import { CftError } from '../../crds/errors.ts';
import { byteTokens } from './byte-level.ts';
import type { Model } from './library.ts';

/** What tokenizer.json says of a Unigram model. */
export interface UnigramConfig {
  /** Pieces with their log-probabilities; a piece's place is its id. */
  readonly vocab: readonly (readonly [string, number])[];
  readonly unk_id?: number | null | undefined;
  readonly byte_fallback?: boolean | null | undefined;
}

/** How much less likely than the least likely piece a character is that no piece covers. */
const UNKNOWN_PENALTY = 10;

/**
 * SentencePiece's Unigram model: of all ways to cut a word into pieces of the vocabulary the most likely one (Viterbi), with the sums and
 * the choice between equals of the Rust tokenizers, since equals are common and the sums' last bit decides.
 */
export function createUnigram({ vocab, unk_id: unknown, byte_fallback: byteFallback }: UnigramConfig): Model {
  const ids = new Map(vocab.map(([piece], id) => [piece, id]));
  const longest = vocab.reduce((length, [piece]) => Math.max(length, piece.length), 0);
  const unknownScore =
    vocab.reduce((least, [, score]) => Math.min(least, score), Number.POSITIVE_INFINITY) - UNKNOWN_PENALTY;

  const pieces = (word: string): string[] => {
    if (byteFallback !== true || word === '') return cut(word);
    return cut(word).flatMap((piece) => (ids.has(piece) ? [piece] : (byteTokens(piece, ids) ?? [piece])));
  };

  const cut = (word: string): string[] => {
    const ends = bestEnds(word);
    const out: string[] = [];
    let run = '';
    let end = word.length;
    while (end > 0) {
      const { start, isUnknown } = ends[end] as End;
      const piece = word.slice(start, end);
      // Characters that no piece covers become one piece together.
      if (isUnknown) run = piece + run;
      else {
        if (run !== '') out.push(run);
        run = '';
        out.push(piece);
      }
      end = start;
    }
    if (run !== '') out.push(run);
    return out.reverse();
  };

  /** For each place, where the last piece of the best cut up to there begins. */
  const bestEnds = (word: string): (End | undefined)[] => {
    const ends: (End | undefined)[] = [{ score: 0, start: 0, isUnknown: false }];
    const offer = (end: number, candidate: End) => {
      const present = ends[end];
      if (present === undefined || candidate.score > present.score) ends[end] = candidate;
    };
    for (let start = 0; start < word.length; ) {
      const till = (ends[start] as End).score;
      const character = (word.codePointAt(start) as number) > 0xffff ? 2 : 1;
      for (let end = start + 1; end <= Math.min(word.length, start + longest); end++) {
        const id = ids.get(word.slice(start, end));
        if (id !== undefined)
          offer(end, { score: (vocab[id] as readonly [string, number])[1] + till, start, isUnknown: id === unknown });
      }
      if (!ids.has(word.slice(start, start + character))) {
        if (unknown === undefined || unknown === null)
          throw new CftError(
            'TokenizerMismatch',
            `the vocabulary has no token for ${JSON.stringify(word)} and no unknown token`,
            {
              value: word,
              hint: 'give the tokenizer an unknown token',
            },
          );
        offer(start + character, { score: unknownScore + till, start, isUnknown: true });
      }
      start += character;
    }
    return ends;
  };
  const encode = (words: readonly string[]): string[] => words.flatMap(pieces);
  return Object.assign(encode, { tokens_to_ids: ids, unk_token_id: unknown ?? undefined });
}

interface End {
  readonly score: number;
  readonly start: number;
  readonly isUnknown: boolean;
}
