import { responseTokens, type WeightedSequence, weightedTokens, weightOf } from './sequence.ts';

/** What the sum of weighted token losses of an optimizer step is divided by. */
export type LossNormalization = 'step' | 'per-sequence' | 'all-tokens';

/**
 * The factor of each sequence's weights that turns the plain sum over an optimizer step into its normalised loss. It is taken over the
 * whole step, so that how the step is split into micro-batches changes nothing.
 *
 * - `step`: divides by the total weight: the mean over weighted tokens (CFT, arXiv 2510.10974).
 * - `per-sequence`: the mean, over the sequences that have weight, of each one's weighted mean.
 * - `all-tokens`: divides by the number of response tokens, weighted or not, of all sequences of the step.
 *
 * Sequences without weight get 0; so does every sequence of a step without weight.
 */
export function lossFactors(sequences: readonly WeightedSequence[], normalization: LossNormalization): number[] {
  const totals = sequences.map(weightOf);
  switch (normalization) {
    case 'step': {
      const total = sum(totals);
      return totals.map((weight) => (weight > 0 ? 1 / total : 0));
    }
    case 'per-sequence': {
      const weighted = totals.filter((weight) => weight > 0).length;
      return totals.map((weight) => (weight > 0 ? 1 / (weighted * weight) : 0));
    }
    case 'all-tokens': {
      // At least the weighted ones: a caller may give weight to prompt tokens too.
      const tokens = sum(sequences.map((sequence) => Math.max(responseTokens(sequence), weightedTokens(sequence))));
      return totals.map((weight) => (weight > 0 ? 1 / tokens : 0));
    }
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
