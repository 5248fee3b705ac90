import type { ModelConfig } from '../trainer/model/config.ts';
import { weightShapes } from '../trainer/model/weights.ts';
import { inputLength, type WeightedSequence, weightedTokens } from '../trainer/train/sequence.ts';

/**
 * Floating-point operations of the matrix products that an optimizer step needs: 2 for each multiply-add, forward once and backward
 * twice, once for the inputs' gradient and once for the weights'. A token meets every matrix of the layers, a weighted token the head,
 * and each pair of tokens of a sequence every head's scores and values. Pairs that the causal mask takes away count, as is usual
 * (PaLM, arXiv 2204.02311, appendix B); padding, and logits of tokens without weight, do not.
 */
export function stepFlops(config: ModelConfig, sequences: readonly WeightedSequence[]): number {
  const { numHiddenLayers, numAttentionHeads, headDim, vocabSize, hiddenSize } = config;
  const matrices = [...weightShapes(config)]
    .filter(([name, shape]) => name.includes('.layers.') && shape.length === 2)
    .reduce((sum, [, [rows, columns]]) => sum + (rows as number) * (columns as number), 0);
  const pair = 2 * numHiddenLayers * numAttentionHeads * headDim;
  const multiplyAdds = sequences.map((sequence) => {
    const length = inputLength(sequence);
    return length * matrices + length ** 2 * pair + weightedTokens(sequence) * vocabSize * hiddenSize;
  });
  return 2 * 3 * multiplyAdds.reduce((a, b) => a + b, 0);
}
