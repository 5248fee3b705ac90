import { z } from 'zod';
import { checked } from '../checked.ts';
import type { ComponentConfig } from './library.ts';
import { TOKENIZER_HINT } from './tokenizer-files.ts';

const flag = z.boolean();
const text = z.string();
const character = text.refine((value) => Array.from(value).length === 1, 'must be one character');
const pattern = z.union([z.looseObject({ String: text }), z.looseObject({ Regex: text })]);
const behavior = z.enum(['Removed', 'Isolated', 'MergedWithPrevious', 'MergedWithNext', 'Contiguous']);
const replace = z.looseObject({ pattern, content: text });
const metaspace = z
  .looseObject({
    replacement: character,
    prepend_scheme: z.enum(['first', 'never', 'always']).nullish(),
    add_prefix_space: flag.nullish(),
    split: flag.nullish(),
  })
  .refine(
    ({ add_prefix_space: adds, prepend_scheme: scheme }) => adds !== false || (scheme ?? 'never') === 'never',
    'add_prefix_space and prepend_scheme contradict each other',
  );

/** What the settings of each component are, where it has any, as the Rust tokenizers read them. */
const SETTINGS: Readonly<Record<string, Readonly<Record<string, z.ZodType>>>> = {
  normalizer: {
    BertNormalizer: z.looseObject({
      clean_text: flag,
      handle_chinese_chars: flag,
      lowercase: flag,
      strip_accents: flag.nullish(),
    }),
    Strip: z.looseObject({ strip_left: flag, strip_right: flag }),
    Prepend: z.looseObject({ prepend: text }),
    Replace: replace,
  },
  pre_tokenizer: {
    ByteLevel: z.looseObject({ add_prefix_space: flag, use_regex: flag.optional() }),
    CharDelimiterSplit: z.looseObject({ delimiter: character }),
    Digits: z.looseObject({ individual_digits: flag }),
    Metaspace: metaspace,
    Punctuation: z.looseObject({ behavior: behavior.optional() }),
    Split: z.looseObject({ pattern, behavior, invert: flag }),
  },
  decoder: {
    BPEDecoder: z.looseObject({ suffix: text }),
    Metaspace: metaspace,
    Replace: replace,
    Strip: z.looseObject({ content: character, start: z.int().min(0), stop: z.int().min(0) }),
    WordPiece: z.looseObject({ prefix: text, cleanup: flag }),
  },
};

/**
 * Refuses a component of tokenizer.json whose settings are missing or of another kind: texts would become other tokens without a word.
 *
 * @throws CftError InvalidConfig with the setting's place
 */
export function checkComponent(config: ComponentConfig, section: string, path: string): void {
  const settings = SETTINGS[section] ?? {};
  const schema = Object.hasOwn(settings, config.type) ? settings[config.type] : undefined;
  if (schema !== undefined) checked(schema, config, { code: 'InvalidConfig', path, hint: TOKENIZER_HINT });
}
