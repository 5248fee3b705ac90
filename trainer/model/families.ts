/**
 * What sets one decoder family apart from another, as data: the decoder reads these facts (through ModelConfig) and never asks for
 * a family's name. Another family is another entry here, plus a field for each difference that none of the earlier ones had.
 */
export interface Family {
  /** `architectures[0]` of config.json. */
  readonly architecture: string;
  /** `model_type` of config.json. */
  readonly modelType: string;
  /** Where the two RMSNorms of a layer stand: on what goes into attention and MLP, or on what comes out, before it is added. */
  readonly normPlacement: 'before' | 'after';
  /** RMSNorms on queries and keys before their rotation: none, over each head, or over all heads of a projection together. */
  readonly queryKeyNorm: 'none' | 'head' | 'projection';
  /** Whether queries, keys and values are one linear layer (`qkv_proj`), and gate and up projection another (`gate_up_proj`). */
  readonly fusedProjections: boolean;
  /** Linear layers that add a bias, by their name inside a decoder layer, each with the key of config.json that switches it on. */
  readonly biases: readonly {
    readonly layers: readonly string[];
    readonly key: 'always' | 'attention_bias' | 'mlp_bias';
  }[];
  /**
   * Which layers `sliding_window` is for: none, all of them, or, where `use_sliding_window` is true, those from `max_window_layers` on or
   * those that `layer_types` names.
   */
  readonly slidingWindow: 'never' | 'all-layers' | 'chosen-layers';
  /** Whether `partial_rotary_factor` counts. Where it does not, transformers turns whole heads whatever the key says. */
  readonly partialRotary: boolean;
  /** What transformers assumes for a key that config.json leaves out. Other sizes must be there. */
  readonly defaults: {
    readonly rmsNormEps: number;
    readonly maxPositionEmbeddings: number;
    /** Undefined: none. */
    readonly slidingWindow: number | undefined;
    /** Undefined: the hidden size over the heads. */
    readonly headDim: number | undefined;
    /** Undefined: the key must be there. */
    readonly keyValueHeads: 'as many as heads' | undefined;
  };
}

const QUERY_KEY_VALUE = ['self_attn.q_proj', 'self_attn.k_proj', 'self_attn.v_proj'];
const ATTENTION = [...QUERY_KEY_VALUE, 'self_attn.o_proj'];
const MLP = ['mlp.gate_proj', 'mlp.up_proj', 'mlp.down_proj'];

/** The form that most families vary: RMSNorms before attention and MLP, nothing else. */
const PLAIN = {
  normPlacement: 'before',
  queryKeyNorm: 'none',
  fusedProjections: false,
  biases: [],
  slidingWindow: 'never',
  partialRotary: false,
  defaults: {
    rmsNormEps: 1e-6,
    maxPositionEmbeddings: 2048,
    slidingWindow: undefined,
    headDim: undefined,
    keyValueHeads: 'as many as heads',
  },
} as const;

/** The families that can be loaded. */
export const FAMILIES: readonly Family[] = [
  {
    ...PLAIN,
    architecture: 'LlamaForCausalLM',
    modelType: 'llama',
    biases: [
      { layers: ATTENTION, key: 'attention_bias' },
      { layers: MLP, key: 'mlp_bias' },
    ],
  },
  {
    ...PLAIN,
    architecture: 'MistralForCausalLM',
    modelType: 'mistral',
    slidingWindow: 'all-layers',
    defaults: { ...PLAIN.defaults, maxPositionEmbeddings: 131_072, slidingWindow: 4096, keyValueHeads: undefined },
  },
  {
    ...PLAIN,
    architecture: 'Qwen2ForCausalLM',
    modelType: 'qwen2',
    biases: [{ layers: QUERY_KEY_VALUE, key: 'always' }],
    slidingWindow: 'chosen-layers',
    defaults: { ...PLAIN.defaults, maxPositionEmbeddings: 32_768, slidingWindow: 4096, keyValueHeads: undefined },
  },
  {
    ...PLAIN,
    architecture: 'Qwen3ForCausalLM',
    modelType: 'qwen3',
    queryKeyNorm: 'head',
    biases: [{ layers: ATTENTION, key: 'attention_bias' }],
    slidingWindow: 'chosen-layers',
    defaults: {
      ...PLAIN.defaults,
      maxPositionEmbeddings: 32_768,
      slidingWindow: 4096,
      headDim: 128,
      keyValueHeads: undefined,
    },
  },
  {
    ...PLAIN,
    architecture: 'Olmo2ForCausalLM',
    modelType: 'olmo2',
    normPlacement: 'after',
    queryKeyNorm: 'projection',
    biases: [{ layers: ATTENTION, key: 'attention_bias' }],
    defaults: { ...PLAIN.defaults, rmsNormEps: 1e-5 },
  },
  {
    ...PLAIN,
    architecture: 'Phi3ForCausalLM',
    modelType: 'phi3',
    fusedProjections: true,
    slidingWindow: 'all-layers',
    partialRotary: true,
    defaults: { ...PLAIN.defaults, rmsNormEps: 1e-5, maxPositionEmbeddings: 4096 },
  },
];
