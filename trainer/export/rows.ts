import type { ResponseSequence } from '../objective/weighted-sequence.ts';

/** Label of a token that is not trained, in the convention of PyTorch's cross-entropy. */
const IGNORED = -100;

/** The columns that trainers read. */
export const FORMATS = {
  /** What transformers' Trainer, TRL and Axolotl take as it is. */
  labels: ['input_ids', 'attention_mask', 'labels'],
  /** TRL's with `completion_only_loss=True`: only tokens with 1 are trained. */
  'completion-mask': ['input_ids', 'completion_mask'],
  /** ms-swift's: the tokens of a message, each with a weight, and no end token but the response's own. */
  'loss-scale': ['messages', 'add_eos'],
} as const;

export type Format = keyof typeof FORMATS;

/** A message of ms-swift's that comes as tokens. Prompt and response are one: the prompt's tokens have no weight. */
export interface TokenMessage {
  readonly role: 'assistant';
  readonly content: { readonly token_ids: readonly number[]; readonly loss_scale: readonly number[] };
}

/** By column: a number for each token, or what a format says of the whole. */
export type Row = Readonly<Record<string, readonly number[] | readonly TokenMessage[] | boolean>>;

/**
 * An annotated response as a trainer reads it, prompt and response in one sequence. Labels stand at their own token, not at the one
 * before it: trainers shift them.
 *
 * @returns the format's columns
 */
export function exportRow(format: Format, { ids, weights }: ResponseSequence): Row {
  switch (format) {
    case 'labels':
      return {
        input_ids: ids,
        attention_mask: ids.map(() => 1),
        labels: ids.map((id, place) => (weights[place] === 0 ? IGNORED : id)),
      };
    case 'completion-mask':
      return { input_ids: ids, completion_mask: weights.map((weight) => (weight === 0 ? 0 : 1)) };
    case 'loss-scale':
      return {
        messages: [{ role: 'assistant', content: { token_ids: ids, loss_scale: weights } }],
        add_eos: false,
      };
  }
}
