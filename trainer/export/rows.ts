import type { ResponseSequence } from '../objective/weighted-sequence.ts';

/** Label of a token that is not trained, in the convention of PyTorch's cross-entropy. */
const IGNORED = -100;

/** The columns that trainers read: whole numbers, or floats for `loss_scale`. */
export const FORMATS = {
  /** What transformers' Trainer, TRL and Axolotl take as it is. */
  labels: ['input_ids', 'attention_mask', 'labels'],
  /** TRL's with `completion_only_loss=True`: only tokens with 1 are trained. */
  'completion-mask': ['input_ids', 'completion_mask'],
  /** ms-swift's: labels on every response token, each with a weight. */
  'loss-scale': ['input_ids', 'labels', 'loss_scale'],
} as const;

export type Format = keyof typeof FORMATS;
export type Row = Readonly<Record<string, readonly number[]>>;

/**
 * An annotated response as a trainer reads it, prompt and response in one sequence. Labels stand at their own token, not at the one
 * before it: trainers shift them.
 *
 * @returns the format's columns, all of the same length
 */
export function exportRow(format: Format, { ids, weights, promptLength }: ResponseSequence): Row {
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
        input_ids: ids,
        labels: ids.map((id, place) => (place < promptLength ? IGNORED : id)),
        loss_scale: weights,
      };
  }
}
