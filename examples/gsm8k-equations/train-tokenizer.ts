/**
 * Learns the example model's tokenizer and writes tokenizer.json and tokenizer_config.json.
 *
 *   node examples/gsm8k-equations/train-tokenizer.ts [--out folder]
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { formatError } from '../../crds/errors.ts';
import { writeJsonAtomic } from '../../crds/files.ts';
import { byteSymbols, learnMerges, QWEN2_SPLIT } from './bpe.ts';
import type { Chain } from './chain.ts';
import { pretrainExamples } from './pretrain-data.ts';
import { chainsOf, readRecords } from './records.ts';

/** Enough texts for every word of the wording to come up many times. */
const TEXTS = 3000;

/** Qwen2's special tokens. Ends and padding are both `<|endoftext|>`, as in the base models. */
const SPECIAL_TOKENS: readonly string[] = ['<|endoftext|>', '<|im_start|>', '<|im_end|>'];

/** A piece that may become a token of its own: a word with its leading space, or punctuation of the sentences and markers. */
const MERGEABLE = /^(?: ?\p{L}+| =| ####|\?\n)$/u;

/**
 * A Qwen2-style tokenizer, learnt on the texts given: each of their words is one token with its leading space, digits and
 * operators are single, and any other text still encodes, byte by byte.
 *
 * @returns the contents of tokenizer.json and tokenizer_config.json, as Hugging Face's libraries read them
 */
export function trainTokenizer(texts: Iterable<string>): { tokenizer: object; config: object } {
  const pieces = new Map<string, number>();
  const split = new RegExp(QWEN2_SPLIT, 'gu');
  for (const text of texts) {
    for (const [piece] of text.normalize('NFC').matchAll(split)) {
      if (MERGEABLE.test(piece)) pieces.set(piece, (pieces.get(piece) ?? 0) + 1);
    }
  }
  const merges = learnMerges(pieces);
  const vocabulary = [...byteSymbols().values(), ...merges.map((pair) => pair.join(''))];
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false, use_regex: false };
  return {
    tokenizer: {
      version: '1.0',
      truncation: null,
      padding: null,
      added_tokens: SPECIAL_TOKENS.map((content, index) => ({
        id: vocabulary.length + index,
        content,
        single_word: false,
        lstrip: false,
        rstrip: false,
        normalized: false,
        special: true,
      })),
      normalizer: { type: 'NFC' },
      pre_tokenizer: {
        type: 'Sequence',
        pretokenizers: [
          { type: 'Split', pattern: { Regex: QWEN2_SPLIT }, behavior: 'Isolated', invert: false },
          byteLevel,
        ],
      },
      post_processor: byteLevel,
      decoder: byteLevel,
      model: {
        type: 'BPE',
        dropout: null,
        unk_token: null,
        continuing_subword_prefix: '',
        end_of_word_suffix: '',
        fuse_unk: false,
        byte_fallback: false,
        ignore_merges: false,
        vocab: Object.fromEntries(vocabulary.map((symbol, id) => [symbol, id])),
        merges: merges.map((pair) => pair.join(' ')),
      },
    },
    config: {
      tokenizer_class: 'Qwen2Tokenizer',
      add_prefix_space: false,
      bos_token: null,
      eos_token: '<|endoftext|>',
      pad_token: '<|endoftext|>',
      unk_token: null,
      clean_up_tokenization_spaces: false,
      model_max_length: 256,
    },
  };
}

/** What the shipped tokenizer is learnt on: worked answers to questions of the train split. */
export function tokenizerTexts(chains: readonly Chain[]): string[] {
  const examples = pretrainExamples({ chains, held: new Set(), seed: 0, keepNumbers: 1 });
  return Array.from({ length: TEXTS }, () => {
    const { prompt, response } = examples.next().value;
    return prompt + response;
  });
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { out: { type: 'string', default: join(import.meta.dirname, 'model') } },
  });
  const chains = chainsOf(await readRecords(join(import.meta.dirname, 'train.jsonl')));
  const { tokenizer, config } = trainTokenizer(tokenizerTexts(chains));
  await writeJsonAtomic(join(values.out, 'tokenizer.json'), tokenizer);
  await writeJsonAtomic(join(values.out, 'tokenizer_config.json'), config);
  process.stdout.write(`${join(values.out, 'tokenizer.json')}\n`);
}

if (import.meta.main) {
  main().catch((error: unknown) => {
    process.stderr.write(`${formatError(error)}\n`);
    process.exitCode = 1;
  });
}
