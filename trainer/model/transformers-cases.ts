/** Models that tests have transformers make: see scripts/reference/model.py for what a case says. */
export interface ReferenceCase {
  readonly family?: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly batch?: number;
  readonly time?: number;
  readonly dtype?: 'float32' | 'float16' | 'bfloat16';
  readonly shard?: string;
  readonly greedy?: number;
}

const tiny = {
  vocab_size: 50,
  hidden_size: 32,
  intermediate_size: 32,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  max_position_embeddings: 64,
};
const trained16 = { original_max_position_embeddings: 16 };
const factors = (from: number, to: number) => Array.from({ length: 4 }, (_, i) => from + ((to - from) * i) / 3);

/** A scaling in a Llama whose pre-training was much shorter than the sequence. */
const scaled = (rope: object, more: object = {}): ReferenceCase => ({
  family: 'llama',
  config: { ...tiny, rope_parameters: { rope_theta: 1e4, ...rope }, ...more },
  batch: 1,
  time: 100,
});

/** Shapes as published models have them (one layer or two), long contexts, every scaling of the angles, and odd ones. */
export const CASES: Readonly<Record<string, ReferenceCase>> = {
  'qwen2.5-0.5b layers': {
    config: {
      vocab_size: 997,
      hidden_size: 896,
      intermediate_size: 4864,
      num_hidden_layers: 2,
      num_attention_heads: 14,
      num_key_value_heads: 2,
      tie_word_embeddings: true,
      rope_parameters: { rope_theta: 1e6, rope_type: 'default' },
    },
    time: 64,
    dtype: 'bfloat16',
    shard: '20MB',
  },
  'qwen2.5-1.5b attention': {
    config: {
      vocab_size: 101,
      hidden_size: 1536,
      intermediate_size: 64,
      num_hidden_layers: 1,
      num_attention_heads: 12,
      num_key_value_heads: 2,
    },
    time: 33,
  },
  'qwen3-0.6b layer': {
    family: 'qwen3',
    config: {
      vocab_size: 307,
      hidden_size: 1024,
      intermediate_size: 3072,
      num_hidden_layers: 1,
      num_attention_heads: 16,
      num_key_value_heads: 8,
      head_dim: 128,
      tie_word_embeddings: true,
      rope_parameters: { rope_theta: 1e6, rope_type: 'default' },
    },
    time: 40,
    dtype: 'bfloat16',
  },
  'llama-3.2-1b layer': {
    family: 'llama',
    config: {
      vocab_size: 307,
      hidden_size: 2048,
      intermediate_size: 512,
      num_hidden_layers: 1,
      num_attention_heads: 32,
      num_key_value_heads: 8,
      head_dim: 64,
      max_position_embeddings: 131_072,
      tie_word_embeddings: true,
      rope_parameters: {
        rope_type: 'llama3',
        rope_theta: 5e5,
        factor: 32,
        low_freq_factor: 1,
        high_freq_factor: 4,
        original_max_position_embeddings: 8192,
      },
    },
    batch: 1,
    time: 600,
    dtype: 'bfloat16',
    shard: '8MB',
  },
  'olmo2-1b layer': {
    family: 'olmo2',
    config: {
      vocab_size: 307,
      hidden_size: 2048,
      intermediate_size: 512,
      num_hidden_layers: 1,
      num_attention_heads: 16,
      num_key_value_heads: 16,
      rms_norm_eps: 1e-6,
      rope_parameters: { rope_theta: 5e5, rope_type: 'default' },
    },
    time: 40,
  },
  'mistral-7b attention': {
    family: 'mistral',
    config: {
      vocab_size: 61,
      hidden_size: 1024,
      intermediate_size: 64,
      num_hidden_layers: 2,
      num_attention_heads: 32,
      num_key_value_heads: 8,
      sliding_window: 64,
    },
    batch: 1,
    time: 200,
    dtype: 'float16',
    shard: '4MB',
  },
  'a long sequence': {
    config: {
      ...tiny,
      num_attention_heads: 2,
      num_key_value_heads: 1,
      rope_parameters: { rope_theta: 1e4, rope_type: 'default' },
    },
    batch: 1,
    time: 1500,
  },
  'one head of dimension 2': {
    config: {
      vocab_size: 5,
      hidden_size: 2,
      intermediate_size: 1,
      num_hidden_layers: 4,
      num_attention_heads: 1,
      num_key_value_heads: 1,
    },
    batch: 3,
    time: 7,
  },
  linear: scaled({ rope_type: 'linear', factor: 4 }),
  'dynamic, beyond the pre-training': scaled({ rope_type: 'dynamic', factor: 3 }, { max_position_embeddings: 40 }),
  'dynamic, within it': scaled({ rope_type: 'dynamic', factor: 3 }, { max_position_embeddings: 128 }),
  llama3: scaled({ rope_type: 'llama3', factor: 8, low_freq_factor: 1, high_freq_factor: 4, ...trained16 }),
  yarn: scaled({ rope_type: 'yarn', factor: 4, ...trained16 }),
  'yarn with every key': scaled({
    rope_type: 'yarn',
    factor: 6,
    beta_fast: 8,
    beta_slow: 0.5,
    mscale: 0.8,
    mscale_all_dim: 0.3,
    truncate: false,
    ...trained16,
  }),
  'yarn over 1500 tokens': {
    ...scaled({ rope_type: 'yarn', factor: 8, original_max_position_embeddings: 256, attention_factor: 1.3 }),
    time: 1500,
  },
  'longrope, short': {
    ...scaled({ rope_type: 'longrope', short_factor: factors(1, 2), long_factor: factors(3, 9), ...trained16 }),
    time: 15,
  },
  'longrope, long': scaled({
    rope_type: 'longrope',
    short_factor: factors(1, 2),
    long_factor: factors(3, 9),
    ...trained16,
  }),
  'phi3 with longrope over a part of each head': {
    family: 'phi3',
    config: {
      ...tiny,
      hidden_size: 64,
      pad_token_id: 0,
      partial_rotary_factor: 0.5,
      original_max_position_embeddings: 16,
      rope_parameters: {
        rope_type: 'longrope',
        rope_theta: 1e4,
        short_factor: factors(1, 2),
        long_factor: factors(3, 9),
      },
    },
    batch: 1,
    time: 60,
  },
  'llama with a head of its own size': { family: 'llama', config: { ...tiny, head_dim: 10, num_key_value_heads: 4 } },
  'llama that is told of partial rotary, which transformers takes no notice of': {
    family: 'llama',
    config: { ...tiny, partial_rotary_factor: 0.5 },
  },
  'qwen3 with biases and its own choice of windows': {
    family: 'qwen3',
    config: {
      ...tiny,
      num_hidden_layers: 4,
      attention_bias: true,
      head_dim: 6,
      use_sliding_window: true,
      sliding_window: 4,
      layer_types: ['sliding_attention', 'full_attention', 'full_attention', 'sliding_attention'],
    },
    time: 24,
  },
  'qwen2 with windows in its upper layers': {
    config: { ...tiny, num_hidden_layers: 3, use_sliding_window: true, sliding_window: 3, max_window_layers: 1 },
    time: 24,
  },
  'olmo2 with biases, grouped heads and a head of its own size': {
    family: 'olmo2',
    config: { ...tiny, attention_bias: true, head_dim: 12, tie_word_embeddings: true },
    dtype: 'float16',
  },
  'llama with gelu': { family: 'llama', config: { ...tiny, hidden_act: 'gelu' } },
  'olmo2 with gelu by tanh': { family: 'olmo2', config: { ...tiny, hidden_act: 'gelu_pytorch_tanh' } },
  'phi3 with gelu by tanh, as GPT-2 spells it': {
    family: 'phi3',
    config: { ...tiny, pad_token_id: 0, hidden_act: 'gelu_new' },
  },
  'mistral with relu': { family: 'mistral', config: { ...tiny, hidden_act: 'relu' } },
  'mistral without a window': {
    family: 'mistral',
    config: { ...tiny, sliding_window: null, tie_word_embeddings: true },
  },
};
