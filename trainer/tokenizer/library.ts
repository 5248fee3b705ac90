import * as library from '@huggingface/tokenizers';
import { CftError } from '../../crds/errors.ts';

// The package's own types don't resolve under Node's module resolution; these are the parts in use.
interface LibraryNormalizer {
  normalize(text: string): string;
}
/** A tokenizer's model: takes words apart. */
export interface Model {
  readonly tokens_to_ids: ReadonlyMap<string, number>;
  readonly unk_token_id: number | undefined;
  (words: readonly string[]): string[];
}
interface LibraryPostProcessor {
  post_process(tokens: readonly string[], pair: null, addSpecialTokens: boolean): { tokens: string[] };
}
interface LibraryDecoder {
  decode_chain(tokens: readonly string[]): string[];
}
/** The parts of a tokenizer that the library builds from tokenizer.json. */
export interface LibraryParts {
  readonly model: Model;
  readonly post_processor: LibraryPostProcessor | null;
}

/** A component's section of tokenizer.json. */
export type ComponentConfig = { readonly type: string } & Readonly<Record<string, unknown>>;

interface Library {
  readonly Tokenizer: new (
    tokenizer: object,
    config: object,
  ) => LibraryParts & { readonly normalizer: LibraryNormalizer | null };
  readonly SplitPreTokenizer: new (config: object) => { readonly pattern: RegExp };
  readonly SequenceDecoder: new (config: { decoders: readonly object[] }) => LibraryDecoder;
}
const { Tokenizer, SplitPreTokenizer, SequenceDecoder } = library as unknown as Library;

const NOTHING = { normalizer: null, pre_tokenizer: null, post_processor: null, decoder: null, added_tokens: [] };

/**
 * Model and post-processor of a tokenizer.json. Added tokens, normalizers, pre-tokenizers, the Unigram model and the byte decoders are
 * ours: the library differs from the Rust tokenizers there.
 */
export function libraryParts(json: Readonly<Record<string, unknown>> & { model: object }): LibraryParts {
  // Of a WordLevel model the library reads the unknown token from the configuration only.
  const unknown = (json.model as { unk_token?: unknown }).unk_token;
  const config = typeof unknown === 'string' ? { unk_token: unknown } : {};
  return new Tokenizer({ ...json, ...NOTHING, post_processor: json.post_processor ?? null }, config);
}

/** A normalizer of the library. */
export function libraryNormalizer(normalizer: ComponentConfig): (text: string) => string {
  const model = { type: 'WordLevel', vocab: {} };
  const { normalizer: built } = new Tokenizer({ ...NOTHING, model, normalizer }, {});
  return (text) => built?.normalize(text) ?? text;
}

/**
 * A component's setting that must be a text.
 *
 * @throws CftError InvalidConfig
 */
export function textOf(config: ComponentConfig, key: string): string {
  const value = config[key];
  if (typeof value === 'string') return value;
  throw new CftError('InvalidConfig', `the component "${config.type}" has no text "${key}"`, { value });
}

/**
 * A regular expression of tokenizer.json (Oniguruma's syntax) as JavaScript's, with the flags `gu`.
 *
 * @throws CftError InvalidConfig for what is no pattern
 */
export function compilePattern(pattern: unknown): RegExp {
  const { String: literal, Regex: regex } = (pattern ?? {}) as { readonly String?: unknown; readonly Regex?: unknown };
  if (typeof literal !== 'string' && typeof regex !== 'string')
    throw new CftError('InvalidConfig', `${JSON.stringify(pattern)} is not a pattern`, { value: pattern });
  return new SplitPreTokenizer({ pattern, invert: false, behavior: 'Isolated' }).pattern;
}

/** A decoder of the library. */
export function libraryDecoder(config: ComponentConfig): LibraryDecoder {
  return new SequenceDecoder({ decoders: [config] });
}
