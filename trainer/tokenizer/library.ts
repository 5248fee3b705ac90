import * as library from '@huggingface/tokenizers';
import { CftError } from '../../crds/errors.ts';
import { withoutAtomic } from './atomic.ts';

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
/** A component's section of tokenizer.json. */
export type ComponentConfig = { readonly type: string } & Readonly<Record<string, unknown>>;

interface Library {
  readonly Tokenizer: new (
    tokenizer: object,
    config: object,
  ) => {
    readonly model: Model;
    readonly normalizer: LibraryNormalizer | null;
    readonly post_processor: LibraryPostProcessor | null;
  };
  readonly SplitPreTokenizer: new (config: object) => { readonly pattern: RegExp };
  readonly SequenceDecoder: new (config: { decoders: readonly object[] }) => LibraryDecoder;
}
const { Tokenizer, SplitPreTokenizer, SequenceDecoder } = library as unknown as Library;

const NOTHING = { normalizer: null, pre_tokenizer: null, post_processor: null, decoder: null, added_tokens: [] };
const WITHOUT_WORDS = { ...NOTHING, model: { type: 'WordLevel', vocab: {} } };

/** A WordLevel model of the library. The other kinds are ours, since it differs from the Rust tokenizers there, or takes long. */
export function libraryModel(model: object & { readonly unk_token?: unknown }): Model {
  // Of a WordLevel model the library reads the unknown token from the configuration only.
  const config = typeof model.unk_token === 'string' ? { unk_token: model.unk_token } : {};
  return new Tokenizer({ ...NOTHING, model }, config).model;
}

/** A normalizer of the library. */
export function libraryNormalizer(normalizer: ComponentConfig): (text: string) => string {
  const { normalizer: built } = new Tokenizer({ ...WITHOUT_WORDS, normalizer }, {});
  return (text) => built?.normalize(text) ?? text;
}

/** A post-processor of the library: puts tokens around those of a text. */
export function libraryPostProcessor(postProcessor: ComponentConfig | null): (tokens: readonly string[]) => string[] {
  const { post_processor: built } = new Tokenizer({ ...WITHOUT_WORDS, post_processor: postProcessor }, {});
  return (tokens) => built?.post_process(tokens, null, true).tokens ?? [...tokens];
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

/** What stands for a space, and where one is put before a text, of a Metaspace component; old files say the latter with a flag. */
export function metaspaceSettings(config: ComponentConfig): { mark: string; scheme: string } {
  const legacy = config.add_prefix_space === false ? 'never' : 'always';
  return {
    mark: (config.replacement as string | undefined) ?? '▁',
    scheme: (config.prepend_scheme as string | undefined) ?? legacy,
  };
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
  const known = typeof regex === 'string' ? { Regex: withoutAtomic(regex) } : pattern;
  return new SplitPreTokenizer({ pattern: known, invert: false, behavior: 'Isolated' }).pattern;
}

/** A decoder of the library. */
export function libraryDecoder(config: ComponentConfig): LibraryDecoder {
  return new SequenceDecoder({ decoders: [config] });
}
