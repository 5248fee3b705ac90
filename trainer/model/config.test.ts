import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { loadConfig, type ModelConfig, parseConfig } from './config.ts';
import { FAMILIES } from './families.ts';
import { fixtureDir } from './testing.ts';

/** Qwen2.5-0.5B's config.json, as published: the spelling that transformers 4 wrote. */
const QWEN25 = {
  architectures: ['Qwen2ForCausalLM'],
  attention_dropout: 0.0,
  bos_token_id: 151643,
  eos_token_id: 151643,
  hidden_act: 'silu',
  hidden_size: 896,
  initializer_range: 0.02,
  intermediate_size: 4864,
  max_position_embeddings: 32768,
  max_window_layers: 24,
  model_type: 'qwen2',
  num_attention_heads: 14,
  num_hidden_layers: 24,
  num_key_value_heads: 2,
  rms_norm_eps: 1e-6,
  rope_theta: 1000000.0,
  sliding_window: 32768,
  tie_word_embeddings: true,
  torch_dtype: 'bfloat16',
  transformers_version: '4.40.1',
  use_cache: true,
  use_mrope: false,
  use_sliding_window: false,
  vocab_size: 151936,
};

describe('parseConfig', () => {
  test('reads a published Qwen2.5 config', () => {
    expect(parseConfig(QWEN25, 'config.json')).toEqual({
      architecture: 'Qwen2ForCausalLM',
      modelType: 'qwen2',
      vocabSize: 151936,
      hiddenSize: 896,
      intermediateSize: 4864,
      numHiddenLayers: 24,
      numAttentionHeads: 14,
      numKeyValueHeads: 2,
      headDim: 64,
      maxPositionEmbeddings: 32768,
      rmsNormEps: 1e-6,
      normPlacement: 'before',
      queryKeyNorm: 'none',
      fusedProjections: false,
      activation: 'silu',
      rope: { theta: 1e6, rotaryDim: 64, scaling: { type: 'default' } },
      attentionWindows: Array(24).fill(undefined),
      tieWordEmbeddings: true,
      biasedLayers: ['self_attn.q_proj', 'self_attn.k_proj', 'self_attn.v_proj'],
      dtype: 'bfloat16',
      eosTokenIds: [151643],
      bosTokenId: 151643,
      padTokenId: undefined,
    } satisfies ModelConfig);
  });

  test('takes the defaults of transformers for what is left out', () => {
    const { rms_norm_eps, rope_theta, tie_word_embeddings, max_position_embeddings, eos_token_id, ...rest } = QWEN25;
    expect(parseConfig({ ...rest, num_key_value_heads: null }, 'config.json')).toMatchObject({
      rmsNormEps: 1e-6,
      rope: { theta: 10_000 },
      tieWordEmbeddings: false,
      maxPositionEmbeddings: 32_768,
      numKeyValueHeads: 14,
      eosTokenIds: [],
    });
  });

  test.each([
    ['rope_parameters', { rope_parameters: { rope_type: 'default', rope_theta: 5e5 } }, 5e5],
    ['the key beside rope_parameters', { rope_parameters: { rope_type: 'default' } }, 1e6],
    ['an empty rope_scaling', { rope_scaling: { type: 'default' } }, 1e6],
    ['rope_scaling null', { rope_scaling: null }, 1e6],
  ])('takes rope_theta from %s', (_what, keys, theta) => {
    expect(parseConfig({ ...QWEN25, ...keys }, 'config.json').rope.theta).toBe(theta);
  });

  test.each([
    ['architectures', { architectures: ['Qwen2MoeForCausalLM'] }, 'Qwen2MoeForCausalLM'],
    ['model_type alone', { architectures: null, model_type: 'gpt2' }, 'gpt2'],
    ['neither', { architectures: undefined, model_type: undefined }, 'null'],
    ['hidden_act', { hidden_act: 'relu2' }, 'hidden_act "relu2"'],
    ['an inherited name', { hidden_act: 'constructor' }, 'hidden_act "constructor"'],
    ['quantization_config', { quantization_config: { quant_method: 'awq' } }, 'quantization_config'],
    ['attention_dropout', { attention_dropout: 0.1 }, 'attention_dropout 0.1'],
    ['model_type of another family', { model_type: 'llama' }, 'model_type "llama"'],
    ['layer_types', { layer_types: Array(24).fill('sliding_attention') }, 'layer_types'],
    ['too few layer_types', { layer_types: ['full_attention'] }, 'layer_types ["full_attention"]'],
    ['chunked attention', { attention_chunk_size: 8192 }, 'attention_chunk_size 8192'],
    ['per_layer_config', { per_layer_config: { 3: { head_dim: 4 } } }, 'per_layer_config'],
    ['a multiplier of another family', { logits_scaling: 8 }, 'logits_scaling 8'],
    ['is_causal', { is_causal: false }, 'is_causal false'],
  ])('refuses by name what it would compute differently: %s', (_what, keys, named) => {
    expect(() => parseConfig({ ...QWEN25, ...keys }, 'm/config.json')).toThrow(
      expect.objectContaining({
        code: 'UnsupportedModel',
        where: 'm/config.json',
        message: expect.stringContaining(named),
        hint: expect.any(String),
      }),
    );
  });

  test.each([
    ['hidden_size', { hidden_size: '896' }, 'hidden_size'],
    ['a missing size', { intermediate_size: undefined }, 'intermediate_size'],
    ['a fraction', { num_hidden_layers: 2.5 }, 'num_hidden_layers'],
    ['more layers than memory holds', { num_hidden_layers: 1e9 }, 'num_hidden_layers'],
    ['heads that do not divide', { num_key_value_heads: 4 }, 'num_attention_heads 14 is not a multiple'],
    ['an odd head', { head_dim: 7 }, "7 of the head's 7 dimensions are rotary"],
    ['no number of key and value heads', { num_key_value_heads: undefined }, 'num_key_value_heads'],
    ['a negative id', { eos_token_id: [1, -1] }, 'eos_token_id'],
  ])('says which field is wrong: %s', (_what, keys, named) => {
    expect(() => parseConfig({ ...QWEN25, ...keys }, 'm/config.json')).toThrow(
      expect.objectContaining({ code: 'InvalidConfig', message: expect.stringContaining(named) }),
    );
  });
});

/** What other families' published files say, as far as it is theirs. */
const SIZES = {
  vocab_size: 128,
  hidden_size: 64,
  intermediate_size: 96,
  num_hidden_layers: 4,
  num_attention_heads: 4,
};

describe('families', () => {
  const parse = (keys: object) => parseConfig({ ...SIZES, ...keys }, 'm/config.json');
  const refusing = (named: string) =>
    expect.objectContaining({ code: 'UnsupportedModel', message: expect.stringContaining(named) });

  test('Llama: as many key and value heads as heads, biases where asked for', () => {
    const llama = { architectures: ['LlamaForCausalLM'], model_type: 'llama' };
    expect(parse(llama)).toMatchObject({ numKeyValueHeads: 4, headDim: 16, biasedLayers: [], rmsNormEps: 1e-6 });
    expect(parse({ ...llama, attention_bias: true, mlp_bias: true }).biasedLayers).toHaveLength(7);
    expect(parse({ ...llama, sliding_window: 8, use_sliding_window: false }).attentionWindows[0]).toBeUndefined();
    expect(() => parse({ ...llama, sliding_window: 8 })).toThrow(refusing('sliding_window 8'));
    expect(() => parse({ ...llama, layer_types: Array(4).fill('chunked_attention') })).toThrow(refusing('layer_types'));
  });

  test('Mistral: a window in all layers, of 4096 tokens where nothing is said, none where it is null', () => {
    const mistral = { architectures: ['MistralForCausalLM'], model_type: 'mistral', num_key_value_heads: 2 };
    expect(parse(mistral).attentionWindows).toEqual([4096, 4096, 4096, 4096]);
    expect(parse({ ...mistral, sliding_window: 7 }).attentionWindows).toEqual([7, 7, 7, 7]);
    expect(parse({ ...mistral, sliding_window: null }).attentionWindows).toEqual(Array(4).fill(undefined));
    expect(() => parse({ ...mistral, layer_types: Array(4).fill('full_attention') })).toThrow(refusing('layer_types'));
  });

  test('Qwen3: heads of 128, normed; windows in the layers that config.json chooses', () => {
    const qwen3 = { architectures: ['Qwen3ForCausalLM'], model_type: 'qwen3', num_key_value_heads: 2 };
    expect(parse(qwen3)).toMatchObject({ headDim: 128, queryKeyNorm: 'head', biasedLayers: [] });
    expect(parse({ ...qwen3, attention_bias: true }).biasedLayers).toContain('self_attn.o_proj');
    const windowed = { ...qwen3, use_sliding_window: true, sliding_window: 5, max_window_layers: 3 };
    expect(parse(windowed).attentionWindows).toEqual([undefined, undefined, undefined, 5]);
    const types = ['sliding_attention', 'full_attention', 'sliding_attention', 'full_attention'];
    expect(parse({ ...windowed, layer_types: types }).attentionWindows).toEqual([5, undefined, 5, undefined]);
    expect(() => parse({ ...windowed, use_sliding_window: false, layer_types: types })).toThrow(
      refusing('layer_types'),
    );
  });

  test('OLMo2: norms after attention and MLP, and over all queries and all keys', () => {
    expect(parse({ architectures: ['Olmo2ForCausalLM'], model_type: 'olmo2' })).toMatchObject({
      normPlacement: 'after',
      queryKeyNorm: 'projection',
      rmsNormEps: 1e-5,
      numKeyValueHeads: 4,
    });
  });

  test('Phi-3: fused projections, a part of each head rotary', () => {
    const phi3 = { architectures: ['Phi3ForCausalLM'], model_type: 'phi3', partial_rotary_factor: 0.75 };
    expect(parse(phi3)).toMatchObject({ fusedProjections: true, rope: { rotaryDim: 12 } });
    expect(() => parse({ ...phi3, resid_pdrop: 0.1 })).toThrow(refusing('resid_pdrop 0.1'));
  });
});

describe('loadConfig', () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'cft-config-'));
  });
  afterEach(() => rm(dir, { recursive: true }));

  test('reads what transformers 5 writes', async () => {
    expect(await loadConfig(fixtureDir('tied-gqa2'))).toMatchObject({
      rope: { theta: 10_000 },
      tieWordEmbeddings: true,
      dtype: 'float32',
      eosTokenIds: [2, 3],
      bosTokenId: 1,
      padTokenId: 0,
    });
    expect(await loadConfig(fixtureDir('untied-mha-theta1e6'))).toMatchObject({
      rope: { theta: 1e6 },
      rmsNormEps: 1e-5,
    });
    expect(await loadConfig(fixtureDir('bfloat16-headdim8'))).toMatchObject({ headDim: 8, dtype: 'bfloat16' });
  });

  test('generation_config.json decides on the end tokens', async () => {
    await writeFile(join(dir, 'config.json'), JSON.stringify(QWEN25));
    await writeFile(
      join(dir, 'generation_config.json'),
      JSON.stringify({ eos_token_id: [151645, 151643], repetition_penalty: 1.1 }),
    );
    expect(await loadConfig(dir)).toMatchObject({ eosTokenIds: [151645, 151643], bosTokenId: 151643 });
  });

  test('says what is missing or broken', async () => {
    await expect(loadConfig(dir)).rejects.toMatchObject({ code: 'FileNotFound', where: join(dir, 'config.json') });
    await writeFile(join(dir, 'config.json'), '{"hidden_size": 8');
    await expect(loadConfig(dir)).rejects.toMatchObject({ code: 'CorruptFile', where: join(dir, 'config.json') });
    await writeFile(join(dir, 'config.json'), '[]');
    await expect(loadConfig(dir)).rejects.toMatchObject({ code: 'InvalidConfig' });
  });
});

test('any value of any key is understood or refused with its file', () => {
  const keys = fc.constantFrom(
    ...Object.keys(QWEN25),
    ...[
      'rope_scaling',
      'rope_parameters',
      'head_dim',
      'layer_types',
      'partial_rotary_factor',
      'per_layer_config',
      'attention_bias',
    ],
  );
  const rope = fc.dictionary(
    fc.constantFrom('rope_type', 'type', 'factor', 'rope_theta', 'short_factor', 'x'),
    fc.jsonValue(),
  );
  const changes = fc.dictionary(keys, fc.oneof(fc.jsonValue(), rope), { maxKeys: 3 });
  fc.assert(
    fc.property(changes, (changed) => {
      try {
        parseConfig({ ...QWEN25, ...changed }, 'm/config.json');
      } catch (error) {
        expect(error).toMatchObject({ name: 'CftError', where: 'm/config.json' });
      }
    }),
    { numRuns: 1000 },
  );
});

test('the documentation names every family', async () => {
  const page = await readFile(join(import.meta.dirname, '../../docs/models.md'), 'utf8');
  for (const { architecture } of FAMILIES) expect(page).toContain(`\`${architecture}\``);
});
