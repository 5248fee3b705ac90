import { join } from 'node:path';
import { z } from 'zod';
import { CftError } from '../../crds/errors.ts';
import { readInputJson, readInputText } from '../input-file.ts';

const Component = z
  .looseObject({ type: z.string() })
  .nullish()
  .transform((value) => value ?? null);

const AddedTokenEntry = z.looseObject({
  content: z.string(),
  special: z.boolean().default(false),
  normalized: z.boolean().optional(),
  single_word: z.boolean().default(false),
  lstrip: z.boolean().default(false),
  rstrip: z.boolean().default(false),
});

const TokenizerJson = z.looseObject({
  model: z.looseObject({
    type: z.string().optional(),
    unk_id: z.int().min(0).nullish(),
    unk_token: z.string().nullish(),
    continuing_subword_prefix: z.string().nullish(),
    end_of_word_suffix: z.string().nullish(),
    byte_fallback: z.boolean().nullish(),
    max_input_chars_per_word: z.int().min(0).nullish(),
    merges: z.unknown().optional(),
    vocab: z.union([z.record(z.string(), z.int().min(0)), z.array(z.tuple([z.string(), z.number()]))]),
  }),
  added_tokens: z.array(AddedTokenEntry.extend({ id: z.int().min(0) })).default([]),
  normalizer: Component,
  pre_tokenizer: Component,
  post_processor: Component,
  decoder: Component,
});
/** The parts of tokenizer.json that we read ourselves. */
export type TokenizerJson = z.output<typeof TokenizerJson>;

/** What to do about a tokenizer.json of another shape. */
export const TOKENIZER_HINT = 'compare it with the file that transformers writes for this tokenizer';

// A token is written as its text, or as an object that holds it.
const TokenName = z
  .union([z.string(), z.looseObject({ content: z.string() })])
  .nullish()
  .transform((token) => (typeof token === 'object' ? (token?.content ?? undefined) : token));

const TokenNames = z.looseObject({
  bos_token: TokenName,
  eos_token: TokenName,
  pad_token: TokenName,
  unk_token: TokenName,
});
type TokenNames = z.output<typeof TokenNames>;

const TokenizerConfig = TokenNames.extend({
  added_tokens_decoder: z.record(z.string().regex(/^\d+$/), AddedTokenEntry).optional(),
  chat_template: z.union([z.string(), z.array(z.looseObject({ name: z.string(), template: z.string() }))]).nullish(),
});

const TokenIds = z
  .union([z.int().min(0), z.array(z.int().min(0))])
  .nullish()
  .transform((ids) => (ids === null || ids === undefined ? [] : [ids].flat()));
const GenerationConfig = z.looseObject({ eos_token_id: TokenIds });
const ModelConfig = z.looseObject({ eos_token_id: TokenIds, vocab_size: z.int().positive().optional() });

/** What the files of a model directory say about its tokenizer. */
export interface TokenizerFiles {
  readonly tokenizer: TokenizerJson;
  readonly names: Pick<TokenNames, 'bos_token' | 'eos_token' | 'pad_token' | 'unk_token'>;
  /** eos_token_id of generation_config.json, or else of config.json. */
  readonly endIds: readonly number[];
  readonly chatTemplate: string | undefined;
  /** Rows of the model's embedding, where the directory has a config.json. */
  readonly modelVocabSize: number | undefined;
}

/**
 * Reads tokenizer.json, and as far as they exist tokenizer_config.json, special_tokens_map.json, generation_config.json, config.json and
 * chat_template.jinja.
 *
 * @throws CftError FileNotFound, CorruptFile (not JSON, not UTF-8), InvalidConfig (JSON of another shape)
 */
export async function readTokenizerFiles(dir: string): Promise<TokenizerFiles> {
  const tokenizer = await readInputJson(join(dir, 'tokenizer.json'), TokenizerJson, TOKENIZER_HINT);
  if (tokenizer === undefined) {
    throw new CftError('FileNotFound', 'tokenizer.json does not exist', {
      where: dir,
      hint: 'pass a Hugging Face model directory; where it holds only tokenizer.model or vocab.json, save its tokenizer again with transformers: AutoTokenizer.from_pretrained(dir).save_pretrained(dir)',
    });
  }
  const config = await readInputJson(join(dir, 'tokenizer_config.json'), TokenizerConfig, TOKENIZER_HINT);
  const map = await readInputJson(join(dir, 'special_tokens_map.json'), TokenNames, TOKENIZER_HINT);
  const generation = await readInputJson(join(dir, 'generation_config.json'), GenerationConfig, TOKENIZER_HINT);
  const model = await readInputJson(join(dir, 'config.json'), ModelConfig, TOKENIZER_HINT);
  const jinja = await readInputText(join(dir, 'chat_template.jinja'));
  return {
    tokenizer: withAddedTokens(tokenizer, config?.added_tokens_decoder ?? {}),
    names: {
      bos_token: config?.bos_token ?? map?.bos_token,
      eos_token: config?.eos_token ?? map?.eos_token,
      pad_token: config?.pad_token ?? map?.pad_token,
      unk_token: config?.unk_token ?? map?.unk_token,
    },
    endIds:
      generation !== undefined && generation.eos_token_id.length > 0
        ? generation.eos_token_id
        : (model?.eos_token_id ?? []),
    chatTemplate: jinja ?? defaultTemplate(config?.chat_template),
    modelVocabSize: model?.vocab_size,
  };
}

/** tokenizer_config.json can name added tokens that tokenizer.json lacks; transformers adds them when it loads. */
function withAddedTokens(
  tokenizer: TokenizerJson,
  entries: Readonly<Record<string, z.output<typeof AddedTokenEntry>>>,
): TokenizerJson {
  const known = new Set(tokenizer.added_tokens.map((token) => token.id));
  const missing = Object.entries(entries)
    .map(([id, entry]) => ({ ...entry, id: Number(id) }))
    .filter((token) => !known.has(token.id));
  return missing.length === 0 ? tokenizer : { ...tokenizer, added_tokens: [...tokenizer.added_tokens, ...missing] };
}

function defaultTemplate(template: z.output<typeof TokenizerConfig>['chat_template']): string | undefined {
  if (template === null || template === undefined || typeof template === 'string') return template ?? undefined;
  return template.find(({ name }) => name === 'default')?.template;
}
