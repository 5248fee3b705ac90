import { join } from 'node:path';
import { CftError } from '../../crds/errors.ts';
import { type ChatRenderer, createChatRenderer } from './chat-template.ts';
import { createPipeline, type Pipeline } from './pipeline.ts';
import type { Tokenizer } from './tokenizer.ts';
import { readTokenizerFiles, type TokenizerFiles } from './tokenizer-files.ts';

/**
 * Loads the tokenizer of a Hugging Face model directory.
 *
 * @throws CftError FileNotFound, CorruptFile, InvalidConfig for a missing or broken file; TokenizerMismatch when no token ends a response,
 *   a special token is not in the vocabulary, or the vocabulary is larger than the model's; UnsupportedModel for an unknown kind of tokenizer
 * @example
 * const tokenizer = await loadTokenizer('models/mine');
 * tokenizer.decode(tokenizer.encode('Hello')); // 'Hello'
 */
export async function loadTokenizer(dir: string): Promise<Tokenizer> {
  const files = await readTokenizerFiles(dir);
  const where = join(dir, 'tokenizer.json');
  const pipeline = build(files, where);
  checkVocabulary(pipeline, files, where);
  const id = (name: 'bos_token' | 'eos_token' | 'pad_token') => specialId(pipeline, name, files.names[name], dir);
  const eosTokenIds = endIds(id('eos_token'), pipeline, files, dir);
  let render: ChatRenderer | undefined;
  return {
    encode: pipeline.encode,
    decode: pipeline.decode,
    tokenText: pipeline.tokenText,
    literal: pipeline.literal,
    applyChatTemplate(messages, { addGenerationPrompt }) {
      render ??= chatRenderer(files, dir);
      return render(messages, addGenerationPrompt);
    },
    chatTemplate: files.chatTemplate,
    vocabSize: pipeline.vocabSize,
    bosTokenId: id('bos_token'),
    eosTokenId: eosTokenIds[0],
    eosTokenIds,
    padTokenId: id('pad_token'),
  };
}

function build(files: TokenizerFiles, where: string): Pipeline {
  try {
    return createPipeline(files.tokenizer);
  } catch (cause) {
    if (cause instanceof CftError) {
      throw new CftError(cause.code, cause.message, {
        where,
        ...(cause.hint === undefined ? {} : { hint: cause.hint }),
        cause,
      });
    }
    throw new CftError('UnsupportedModel', `this tokenizer can't be built: ${(cause as Error).message}`, {
      where,
      cause,
    });
  }
}

function checkVocabulary(pipeline: Pipeline, files: TokenizerFiles, where: string): void {
  const { modelVocabSize } = files;
  if (modelVocabSize === undefined || pipeline.vocabSize <= modelVocabSize) return;
  const last = pipeline.vocabSize - 1;
  throw new CftError(
    'TokenizerMismatch',
    `token ${last} (${JSON.stringify(pipeline.tokenOf(last))}) is outside the model's vocabulary of ${modelVocabSize}`,
    { where, value: last, hint: 'check vocab_size in config.json: the tokenizer may belong to another model' },
  );
}

function specialId(pipeline: Pipeline, name: string, token: string | undefined, dir: string): number | undefined {
  if (token === undefined) return undefined;
  const id = pipeline.idOf(token);
  if (id !== undefined) return id;
  throw new CftError('TokenizerMismatch', `${name} is "${token}", which is not in the vocabulary`, {
    where: join(dir, 'tokenizer_config.json'),
    value: token,
    hint: `set ${name} to a token of tokenizer.json`,
  });
}

/** The tokenizer's own end token first; a trained response ends with it, so that it must also end a generation. */
function endIds(
  own: number | undefined,
  pipeline: Pipeline,
  files: TokenizerFiles,
  dir: string,
): [number, ...number[]] {
  for (const id of files.endIds) {
    if (pipeline.tokenOf(id) !== undefined) continue;
    throw new CftError('TokenizerMismatch', `eos_token_id ${id} is not a token of the tokenizer`, {
      where: join(dir, 'generation_config.json'),
      value: id,
      hint: 'check eos_token_id in generation_config.json and config.json',
    });
  }
  const [first, ...rest] = new Set(own === undefined ? files.endIds : [own, ...files.endIds]);
  if (first !== undefined) return [first, ...rest];
  throw new CftError('TokenizerMismatch', 'no token ends a response', {
    where: dir,
    hint: 'set eos_token in tokenizer_config.json, or eos_token_id in generation_config.json',
  });
}

function chatRenderer(files: TokenizerFiles, dir: string): ChatRenderer {
  if (files.chatTemplate === undefined) {
    throw new CftError('InvalidConfig', 'the tokenizer has no chat template', {
      where: dir,
      hint: 'leave out `chat: true`, or add chat_template to tokenizer_config.json or a chat_template.jinja',
    });
  }
  return createChatRenderer(files.chatTemplate, files.names, dir);
}
