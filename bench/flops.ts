import type { ModelConfig } from '../trainer/model/config.ts';
import { weightShapes } from '../trainer/model/weights.ts';
import { inputLength, type WeightedSequence, weightedTokens } from '../trainer/train/sequence.ts';

/**
 * Floating-point operations of the matrix products that an optimizer step needs: 2 for each multiply-add, forward once and backward
 * twice, once for the inputs' gradient and once for the weights'. A token meets the matrices of the layers, but those behind the last
 * layer's attention, and the head, only if it has weight; each pair of tokens of a sequence meets every head's scores and values. Pairs
 * that the causal mask takes away count, as is usual (PaLM, arXiv 2204.02311, appendix B), padding does not.
 */
export function stepFlops(config: ModelConfig, sequences: readonly WeightedSequence[]): number {
  const { numHiddenLayers, numAttentionHeads, headDim, vocabSize, hiddenSize } = config;
  const matrices = [...weightShapes(config)].filter(([name, shape]) => name.includes('.layers.') && shape.length === 2);
  const sizeOf = (some: typeof matrices) => some.reduce((sum, [, [rows = 0, columns = 0]]) => sum + rows * columns, 0);
  const behind = sizeOf(matrices.filter(([name]) => isBehindAttention(name, numHiddenLayers - 1)));
  const before = sizeOf(matrices) - behind;
  const pair = 2 * numHiddenLayers * numAttentionHeads * headDim;
  const multiplyAdds = sequences.map((sequence) => {
    const length = inputLength(sequence);
    return length * before + length ** 2 * pair + weightedTokens(sequence) * (behind + vocabSize * hiddenSize);
  });
  return 2 * 3 * multiplyAdds.reduce((a, b) => a + b, 0);
}

function isBehindAttention(name: string, layer: number): boolean {
  return [`.layers.${layer}.self_attn.o_proj.`, `.layers.${layer}.mlp.`].some((part) => name.includes(part));
}
