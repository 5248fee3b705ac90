/** Text to token ids and back, as Hugging Face's tokenizers do it. Load one with `loadTokenizer` in load.ts. */
export interface Tokenizer {
  /**
   * Special tokens written out in the text become special tokens, except where the text went through {@link Tokenizer.literal}.
   *
   * @returns token ids; an empty list for an empty text without special tokens
   */
  encode(text: string, options?: EncodeOptions): number[];
  /**
   * Always decode whole lists: one character can be spread over several tokens. Bytes that are not UTF-8 become U+FFFD, as in
   * Hugging Face's tokenizers; ids without a token are left out.
   */
  decode(ids: readonly number[], options?: DecodeOptions): string;
  /** One token for a reader's eye: its text, or for a part of a character its bytes as `<0xE4>`. */
  tokenText(id: number): string;
  /**
   * Marks text from a user so that special tokens written out in it stay plain text, also after it has been put into a template.
   * The marks vanish in `encode`; {@link withoutMarks} removes them from a text that is to be shown or stored.
   */
  literal(text: string): string;
  /**
   * The chat template's text for the messages. Encode it with `addSpecialTokens: false`: the template writes its own.
   *
   * @throws CftError InvalidConfig when there is no template or it is broken; InvalidRecord with the template's own words when it refuses the messages
   */
  applyChatTemplate(messages: readonly ChatMessage[], options: ChatTemplateOptions): string;
  readonly chatTemplate: string | undefined;
  /** The highest token id plus one. The model may have more rows than that. */
  readonly vocabSize: number;
  readonly bosTokenId: number | undefined;
  /** The token to end a response with. */
  readonly eosTokenId: number;
  /** Every token that ends a generation: {@link Tokenizer.eosTokenId} and those of generation_config.json. */
  readonly eosTokenIds: readonly number[];
  readonly padTokenId: number | undefined;
}

export interface EncodeOptions {
  /** Put the tokenizer's own beginning and end tokens around the text, where it has some. Default: true. */
  readonly addSpecialTokens?: boolean;
  /** Take special tokens written out in the text as plain text: for text that comes from a user. Default: false. */
  readonly literal?: boolean;
}

export interface DecodeOptions {
  /** Leave special tokens out. Default: false. */
  readonly skipSpecialTokens?: boolean;
}

export interface ChatTemplateOptions {
  /** End with the beginning of the assistant's message. */
  readonly addGenerationPrompt: boolean;
}

export interface ChatMessage {
  readonly role: string;
  readonly content: string;
}

/**
 * Stands inside a special token that is meant literally. A low surrogate with no high one before it occurs in no well-formed text,
 * so that no user text can hold it.
 */
export const LITERAL_MARK = '\uDFFF';
/** The marks of a text, not the second halves of characters that are written the same. */
export const LITERAL_MARKS = /(?<![\uD800-\uDBFF])\uDFFF/g;

/** The text without the marks of {@link Tokenizer.literal}. */
export function withoutMarks(text: string): string {
  return text.includes(LITERAL_MARK) ? text.replace(LITERAL_MARKS, '') : text;
}
