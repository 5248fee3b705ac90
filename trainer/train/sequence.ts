/** A sequence to train on and how much each of its tokens counts, as a target, in the loss. */
export interface WeightedSequence {
  /** Name in logs; need not be unique. */
  readonly id?: string;
  readonly ids: readonly number[];
  /** One per token; of the first token, which nothing predicts, it must be 0. */
  readonly weights: readonly number[];
  /** Leading tokens that belong to the prompt: the others are the response. Default 1: all that can be predicted. */
  readonly promptLength?: number;
}

/** How many of the leading tokens the model must read to predict every weighted token; 0 if none has weight. */
export function inputLength({ weights }: WeightedSequence): number {
  return Math.max(0, lastIndex(weights));
}

/** Sum of the weights of one sequence. */
export function weightOf({ weights }: WeightedSequence): number {
  return weights.reduce((sum, weight) => sum + weight, 0);
}

/** Tokens with non-zero weight. */
export function weightedTokens({ weights }: WeightedSequence): number {
  return weights.reduce((count, weight) => count + (weight !== 0 ? 1 : 0), 0);
}

/** Tokens of the response, weighted or not. */
export function responseTokens({ ids, promptLength }: WeightedSequence): number {
  return Math.max(0, ids.length - Math.max(1, promptLength ?? 1));
}

function lastIndex(weights: readonly number[]): number {
  return weights.findLastIndex((weight) => weight !== 0);
}
