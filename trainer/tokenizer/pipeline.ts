import { CftError } from '../../crds/errors.ts';
import { remembered } from '../remembered.ts';
import { type AddedToken, createLiteral, createSplitter, type Section } from './added-tokens.ts';
import { type BpeConfig, createBpe } from './bpe.ts';
import { byteName, strictUtf8, tokenBytes } from './byte-level.ts';
import { checkPostProcessor } from './check-post-processor.ts';
import { checkVocabulary, isBpe } from './check-vocabulary.ts';
import { componentsOf } from './components.ts';
import { createDecoder } from './decoders.ts';
import { libraryModel, libraryPostProcessor, type Model } from './library.ts';
import { createNormalizer } from './normalizers.ts';
import { patternTimeLimit } from './patterns.ts';
import { createPreTokenizer } from './pre-tokenizers.ts';
import type { DecodeOptions, EncodeOptions } from './tokenizer.ts';
import { withoutMarks } from './tokenizer.ts';
import type { TokenizerJson } from './tokenizer-files.ts';
import { createUnigram, type UnigramConfig } from './unigram.ts';
import { createWordPiece, type WordPieceConfig } from './wordpiece.ts';

/** Longest that patterns may search one text; those of real tokenizers take milliseconds. */
const SEARCH_LIMIT_MS = 10_000;

/** The steps of a tokenizer.json, put together. */
export interface Pipeline {
  encode(text: string, options?: EncodeOptions): number[];
  decode(ids: readonly number[], options?: DecodeOptions): string;
  tokenText(id: number): string;
  literal(text: string): string;
  readonly vocabSize: number;
  /** The id of a token by its exact content. */
  idOf(token: string): number | undefined;
  tokenOf(id: number): string | undefined;
}

/**
 * Added tokens -> normalizer -> pre-tokenizer -> model -> post-processor, and the decoder for the way back, in the order of the Rust
 * tokenizers.
 *
 * @throws CftError CorruptFile for a vocabulary that contradicts itself, InvalidConfig for an incomplete post-processor, UnsupportedModel for a
 *   component that is not known; a plain Error of the library for a broken one. Encoding and decoding throw InvalidConfig for a pattern that
 *   searches longer than that, and steps that let a text grow without end
 */
export function createPipeline(json: TokenizerJson, searchLimitMs: number = SEARCH_LIMIT_MS): Pipeline {
  checkVocabulary(json);
  const model = createModel(json.model);
  const added = json.added_tokens.map(toAddedToken);
  const normalize = createNormalizer(json.normalizer);
  const normalizes = json.normalizer !== null;
  const preTokenize = createPreTokenizer(json.pre_tokenizer);
  const decodeTokens = createDecoder(json.decoder);
  const decoders = componentsOf(json.decoder, 'decoder');
  const whileEncoding = patternTimeLimit(
    [...componentsOf(json.normalizer, 'normalizer'), ...componentsOf(json.pre_tokenizer, 'pre_tokenizer')],
    searchLimitMs,
  );
  const whileDecoding = patternTimeLimit(decoders, searchLimitMs);
  const split = createSplitter(byContent(added.filter((token) => !token.normalized || !normalizes)));
  const normalized = whileEncoding(() =>
    byContent(
      added.filter((token) => token.normalized && normalizes),
      normalize,
    ),
  );
  const splitNormalized = createSplitter(normalized);
  const vocabulary = createVocabulary(model, added, normalized);
  checkPostProcessor(json.post_processor, vocabulary.idOf);
  const special = added.filter((token) => token.special);
  const specialIds = new Set(special.map((token) => token.id));
  const literal = createLiteral(special.map((token) => token.content));
  const around = surroundingTokens(libraryPostProcessor(json.post_processor), vocabulary);
  const isByteLevel = decoders.some(({ config }) => config.type === 'ByteLevel');
  const textOf = remembered((token) => (isByteLevel ? readable(tokenBytes(token)) : token.replaceAll('▁', ' ')));

  const encodePlain = (text: string, first: boolean): number[] => {
    if (text === '') return [];
    return model(preTokenize(text, first)).map(vocabulary.modelId);
  };
  const encodeSection = (section: Section): number[] => {
    if ('token' in section) return [section.token.id];
    const first = section.start === 0;
    return splitNormalized(normalize(section.text)).flatMap((inner) =>
      'token' in inner ? [inner.token.id] : encodePlain(withoutMarks(inner.text), first && inner.start === 0),
    );
  };

  return {
    encode(text, { addSpecialTokens = true, literal: isLiteral = false } = {}) {
      const ids = whileEncoding(() => split(isLiteral ? literal(text) : text).flatMap(encodeSection));
      return addSpecialTokens ? [...around.before, ...ids, ...around.after] : ids;
    },
    decode(ids, { skipSpecialTokens = false } = {}) {
      const tokens: string[] = [];
      for (const id of ids) {
        const token = skipSpecialTokens && specialIds.has(id) ? undefined : vocabulary.tokenOf(id);
        if (token !== undefined) tokens.push(token);
      }
      return whileDecoding(() => decodeTokens(tokens)).join('');
    },
    tokenText(id) {
      const token = vocabulary.tokenOf(id);
      return token === undefined ? `<${id}>` : textOf(token);
    },
    literal,
    vocabSize: vocabulary.size,
    idOf: vocabulary.idOf,
    tokenOf: vocabulary.tokenOf,
  };
}

function createModel(model: TokenizerJson['model']): Model {
  if (Array.isArray(model.vocab)) return createUnigram(model as unknown as UnigramConfig);
  if (model.type === 'WordPiece') return createWordPiece(model as unknown as WordPieceConfig);
  return isBpe(model) ? createBpe(model as unknown as BpeConfig) : libraryModel(model);
}

interface Vocabulary {
  readonly size: number;
  idOf(token: string): number | undefined;
  tokenOf(id: number): string | undefined;
  /** The id of a token that the model put out; its unknown token for one that the model does not know. */
  modelId(token: string): number;
}

/** @param normalized added tokens by their content after normalization: so they are decoded */
function createVocabulary(
  model: Model,
  added: readonly AddedToken[],
  normalized: ReadonlyMap<string, AddedToken>,
): Vocabulary {
  const tokens = new Map<number, string>();
  for (const [token, id] of model.tokens_to_ids) tokens.set(id, token);
  const addedIds = new Map(added.map((token) => [token.content, token.id]));
  for (const token of added) tokens.set(token.id, token.content);
  for (const [content, token] of normalized) tokens.set(token.id, content);
  return {
    size: [...tokens.keys()].reduce((highest, id) => Math.max(highest, id), -1) + 1,
    idOf: (token) => addedIds.get(token) ?? model.tokens_to_ids.get(token),
    tokenOf: (id) => tokens.get(id),
    modelId(token) {
      const id = model.tokens_to_ids.get(token) ?? model.unk_token_id;
      if (id !== undefined) return id;
      throw new CftError(
        'TokenizerMismatch',
        `the vocabulary has no token for ${JSON.stringify(token)} and no unknown token`,
        {
          value: token,
          hint: 'give the tokenizer an unknown token, or use a byte-level one',
        },
      );
    },
  };
}

function toAddedToken(raw: TokenizerJson['added_tokens'][number]): AddedToken {
  return {
    id: raw.id,
    content: raw.content,
    special: raw.special,
    normalized: raw.normalized ?? !raw.special,
    singleWord: raw.single_word,
    lstrip: raw.lstrip,
    rstrip: raw.rstrip,
  };
}

function byContent(tokens: readonly AddedToken[], normalize = (text: string) => text): Map<string, AddedToken> {
  return new Map(tokens.map((token) => [normalize(token.content), token]));
}

/** The ids that the post-processor puts before and after a text. */
function surroundingTokens(
  surround: (tokens: readonly string[]) => string[],
  vocabulary: Vocabulary,
): { before: number[]; after: number[] } {
  const text = '\uFFFF';
  const tokens = surround([text]);
  const ids = tokens.map((token) => (token === text ? undefined : requireId(token, vocabulary)));
  const middle = ids.indexOf(undefined);
  const known = (part: readonly (number | undefined)[]) => part.filter((id) => id !== undefined);
  return { before: known(ids.slice(0, middle)), after: known(ids.slice(middle + 1)) };
}

function requireId(token: string, vocabulary: Vocabulary): number {
  const id = vocabulary.idOf(token);
  if (id !== undefined) return id;
  throw new CftError(
    'CorruptFile',
    `the post-processor of tokenizer.json names "${token}", which is not in the vocabulary`,
  );
}

function readable(bytes: Uint8Array): string {
  const text = strictUtf8(bytes);
  if (text !== undefined) return text;
  return Array.from(bytes, (byte) => (byte < 128 ? String.fromCharCode(byte) : byteName(byte))).join('');
}
