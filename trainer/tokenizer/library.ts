import * as library from '@huggingface/tokenizers';

// The package's own types don't resolve under Node's module resolution; these are the parts in use.
interface LibraryNormalizer {
  normalize(text: string): string;
}
interface LibraryModel {
  readonly tokens_to_ids: Map<string, number>;
  readonly vocab: readonly (string | undefined)[];
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
  readonly normalizer: LibraryNormalizer | null;
  readonly model: LibraryModel;
  readonly post_processor: LibraryPostProcessor | null;
}

/** A component's section of tokenizer.json. */
export type ComponentConfig = { readonly type: string } & Readonly<Record<string, unknown>>;

interface Library {
  readonly Tokenizer: new (tokenizer: object, config: object) => LibraryParts;
  readonly SplitPreTokenizer: new (config: object) => { readonly pattern: RegExp };
  readonly SequenceDecoder: new (config: { decoders: readonly object[] }) => LibraryDecoder;
}
const { Tokenizer, SplitPreTokenizer, SequenceDecoder } = library as unknown as Library;

/**
 * Normalizer, model and post-processor of a tokenizer.json. Added tokens, pre-tokenizers and the byte decoders are ours: the library
 * differs from the Rust tokenizers there.
 */
export function libraryParts(json: Readonly<Record<string, unknown>> & { model: object }): LibraryParts {
  // Of a WordLevel model the library reads the unknown token from the configuration only.
  const unknown = (json.model as { unk_token?: unknown }).unk_token;
  const config = typeof unknown === 'string' ? { unk_token: unknown } : {};
  const nothing = { normalizer: null, pre_tokenizer: null, post_processor: null, decoder: null };
  return new Tokenizer({ ...nothing, ...json, pre_tokenizer: null, decoder: null, added_tokens: [] }, config);
}

/** A regular expression of tokenizer.json (Oniguruma's syntax) as JavaScript's, with the flags `gu`. */
export function compilePattern(pattern: unknown): RegExp {
  return new SplitPreTokenizer({ pattern, invert: false, behavior: 'Isolated' }).pattern;
}

/** A decoder of the library. */
export function libraryDecoder(config: ComponentConfig): LibraryDecoder {
  return new SequenceDecoder({ decoders: [config] });
}
