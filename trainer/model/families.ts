/**
 * What sets one decoder family apart from another, as data: the decoder reads these facts and never asks for a family's name.
 * Another family is another entry here, plus a field for each difference that none of the earlier ones had.
 */
export interface Family {
  /** `architectures[0]` of config.json. */
  readonly architecture: string;
  /** `model_type` of config.json. */
  readonly modelType: string;
  /** Linear layers that add a bias, by their name inside a decoder layer. */
  readonly biasedLayers: readonly string[];
  /** What transformers assumes for a key that config.json leaves out. Sizes have no default: they must be there. */
  readonly defaults: {
    readonly ropeTheta: number;
    readonly rmsNormEps: number;
    readonly tieWordEmbeddings: boolean;
    readonly maxPositionEmbeddings: number;
  };
}

/** The families that can be loaded. */
export const FAMILIES: readonly Family[] = [
  {
    architecture: 'Qwen2ForCausalLM',
    modelType: 'qwen2',
    biasedLayers: ['self_attn.q_proj', 'self_attn.k_proj', 'self_attn.v_proj'],
    defaults: { ropeTheta: 10_000, rmsNormEps: 1e-6, tieWordEmbeddings: false, maxPositionEmbeddings: 32_768 },
  },
];
