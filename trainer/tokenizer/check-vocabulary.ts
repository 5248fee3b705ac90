import { CftError } from '../../crds/errors.ts';
import { mergedToken } from './merging.ts';
import type { TokenizerJson } from './tokenizer-files.ts';

type Ids = ReadonlyMap<string, number>;

/** Kinds of models; files of old versions don't say theirs. */
const KINDS: readonly (string | undefined)[] = ['BPE', 'Unigram', 'WordLevel', 'WordPiece', undefined];

/** SentencePiece makes no longer ones. For each place of a text all lengths are tried, so that very long ones would take for ever. */
const LONGEST_PIECE = 512;

/**
 * Refuses a tokenizer.json whose parts contradict each other: one id for two tokens, two ids for one token, a merge of or into a token that the
 * vocabulary lacks, an unknown token beyond its end. The Rust tokenizers refuse some of these, and give other ids than the file for the rest.
 *
 * @throws CftError CorruptFile; UnsupportedModel for an unknown kind of model, or a Unigram model with very long pieces
 */
export function checkVocabulary({ model, added_tokens: added }: TokenizerJson): void {
  if (!KINDS.includes(model.type))
    throw new CftError('UnsupportedModel', `the model "${model.type}" is not supported`, {
      value: model.type,
      hint: `use a tokenizer of one of these: ${KINDS.slice(0, -1).join(', ')}`,
    });
  if (model.type !== undefined && Array.isArray(model.vocab) !== (model.type === 'Unigram'))
    throw contradiction(`model.vocab is not of the shape that ${model.type} has`);
  if (Array.isArray(model.vocab)) {
    const long = model.vocab.findIndex(([piece]) => piece.length > LONGEST_PIECE);
    if (long !== -1)
      throw new CftError('UnsupportedModel', `model.vocab.${long}: a piece of more than ${LONGEST_PIECE} characters`, {
        hint: 'train the tokenizer with a smaller max_piece_length',
      });
    if (typeof model.unk_id === 'number' && model.unk_id >= model.vocab.length)
      throw contradiction(`unk_id ${model.unk_id} is beyond the vocabulary of ${model.vocab.length}`);
    checkAdded(new Map(model.vocab.map(([token], id) => [token, id])), added);
    return;
  }
  const ids = new Map(Object.entries(model.vocab));
  checkAdded(ids, added);
  if (isBpe(model)) checkMerges(ids, model);
}

/** Whether a model is of the kind BPE; files of old versions tell by their merges. */
export function isBpe(model: TokenizerJson['model']): boolean {
  return model.type === 'BPE' || (model.type === undefined && model.merges !== undefined);
}

/** An added token may be in the vocabulary as well, then as the same id. */
function checkAdded(ids: Ids, added: TokenizerJson['added_tokens']): void {
  const tokens = new Map<number, string>();
  const claim = (token: string, id: number): void => {
    const other = tokens.get(id);
    if (other !== undefined && other !== token)
      throw contradiction(`the tokens ${JSON.stringify(other)} and ${JSON.stringify(token)} have the same id ${id}`);
    tokens.set(id, token);
  };
  for (const [token, id] of ids) claim(token, id);
  const own = new Map(ids);
  for (const { content, id } of added) {
    claim(content, id);
    const first = own.get(content) ?? id;
    if (first !== id) throw contradiction(`the token ${JSON.stringify(content)} has the ids ${first} and ${id}`);
    own.set(content, id);
  }
}

function checkMerges(ids: Ids, model: TokenizerJson['model']): void {
  const prefix = model.continuing_subword_prefix ?? '';
  if (!Array.isArray(model.merges)) throw contradiction('model.merges is no list');
  for (const [place, merge] of model.merges.entries()) {
    const parts: unknown = typeof merge === 'string' ? merge.split(' ') : merge;
    if (!Array.isArray(parts) || parts.length !== 2 || parts.some((part) => typeof part !== 'string'))
      throw contradiction(`merge ${place} is ${JSON.stringify(merge)}, not two tokens`);
    const [left, right] = parts as [string, string];
    const merged = mergedToken(left, right, prefix);
    const unknown = [left, right, merged].find((token) => !ids.has(token));
    if (unknown !== undefined)
      throw contradiction(
        `merge ${place}, ${JSON.stringify(merge)}, needs the token ${JSON.stringify(unknown)}, which is not in the vocabulary`,
      );
  }
}

function contradiction(message: string): CftError {
  return new CftError('CorruptFile', message, {
    hint: 'the file is damaged or was edited by hand: download it again, or save the tokenizer again with transformers',
  });
}
