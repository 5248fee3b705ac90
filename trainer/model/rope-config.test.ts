import { describe, expect, test } from 'vitest';
import { parseConfig } from './config.ts';
import { rotaryFrequencies } from './rope.ts';

const LLAMA = {
  architectures: ['LlamaForCausalLM'],
  vocab_size: 128,
  hidden_size: 64,
  intermediate_size: 96,
  num_hidden_layers: 1,
  num_attention_heads: 4,
  max_position_embeddings: 512,
};
const ropeOf = (keys: object) => parseConfig({ ...LLAMA, ...keys }, 'm/config.json').rope;

describe('a scaling', () => {
  const llama3 = { factor: 8, low_freq_factor: 1, high_freq_factor: 4, original_max_position_embeddings: 64 };

  test('reads the same in both spellings of transformers', () => {
    const parsed = ropeOf({ rope_theta: 5e5, rope_scaling: { rope_type: 'llama3', ...llama3 } });
    expect(parsed).toEqual({
      theta: 5e5,
      rotaryDim: 16,
      scaling: { type: 'llama3', factor: 8, lowFrequencyFactor: 1, highFrequencyFactor: 4, trainedLength: 64 },
    });
    expect(ropeOf({ rope_parameters: { rope_theta: 5e5, rope_type: 'llama3', ...llama3 } })).toEqual(parsed);
    expect(ropeOf({ rope_theta: 5e5, rope_scaling: { type: 'llama3', ...llama3, finetuned: true } })).toEqual(parsed);
    expect(ropeOf({ rope_theta: 5e5, rope_scaling: {}, rope_parameters: { type: 'llama3', ...llama3 } })).toEqual(
      parsed,
    );
  });

  test('takes the length of the pre-training from beside it, from inside, or max_position_embeddings', () => {
    const { original_max_position_embeddings: _, ...rest } = llama3;
    const inside = { rope_scaling: { type: 'llama3', ...llama3 } };
    expect(ropeOf({ ...inside, original_max_position_embeddings: 32 }).scaling).toMatchObject({ trainedLength: 32 });
    expect(ropeOf(inside).scaling).toMatchObject({ trainedLength: 64 });
    expect(ropeOf({ rope_scaling: { type: 'llama3', ...rest } }).scaling).toMatchObject({ trainedLength: 512 });
    expect(ropeOf({ rope_scaling: { type: 'dynamic', factor: 2 } }).scaling).toMatchObject({ trainedLength: 512 });
  });

  test('yarn takes its factor and its sharpness from the lengths where they are not given', () => {
    const yarn = { type: 'yarn', factor: null, original_max_position_embeddings: 128 };
    expect(ropeOf({ rope_scaling: yarn }).scaling).toMatchObject({
      factor: 4,
      attentionFactor: 0.1 * Math.log(4) + 1,
      betaFast: 32,
      betaSlow: 1,
      truncate: true,
    });
    expect(ropeOf({ rope_scaling: { ...yarn, attention_factor: 1.5 } }).scaling).toMatchObject({
      attentionFactor: 1.5,
    });
    const equal = { ...yarn, mscale: 0.7, mscale_all_dim: 0.7 };
    expect(ropeOf({ rope_scaling: equal }).scaling).toMatchObject({ attentionFactor: 1 });
  });

  test.each([
    ['kind', { rope_type: 'proportional' }, 'UnsupportedModel', 'rope_scaling.rope_type "proportional"'],
    ['key', { mrope_section: [16, 24, 24] }, 'UnsupportedModel', 'rope_scaling.mrope_section'],
    [
      'key of another kind',
      { rope_type: 'linear', factor: 2, beta_fast: 3 },
      'UnsupportedModel',
      'rope_scaling.beta_fast',
    ],
    [
      'rope for each kind of layer',
      { full_attention: { rope_theta: 1 } },
      'UnsupportedModel',
      'rope_scaling.full_attention',
    ],
    [
      'part of a head in Llama',
      { rope_type: 'linear', factor: 2, partial_rotary_factor: 0.5 },
      'UnsupportedModel',
      'partial_rotary_factor 0.5',
    ],
    ['missing factor', { rope_type: 'linear' }, 'InvalidConfig', 'rope_scaling.factor'],
    [
      'longrope without a length',
      { rope_type: 'longrope', short_factor: [1], long_factor: [1] },
      'InvalidConfig',
      'original_max_position_embeddings',
    ],
    [
      'longrope of another size',
      { rope_type: 'longrope', short_factor: [1], long_factor: [1], original_max_position_embeddings: 4 },
      'InvalidConfig',
      'short_factor has 1 entries, 16 rotary dimensions need 8',
    ],
  ])('that is not understood is refused by name: %s', (_what, rope, code, named) => {
    expect(() => ropeOf({ rope_scaling: rope })).toThrow(
      expect.objectContaining({ code, where: 'm/config.json', message: expect.stringContaining(named) }),
    );
  });
});

test('a part of a head that transformers would turn whole is turned whole', () => {
  expect(ropeOf({ partial_rotary_factor: 0.5 }).rotaryDim).toBe(16);
});

test('with factor 1, or within the pre-training’s length, every scaling leaves the angles nearly as they were', () => {
  const plain = rotaryFrequencies(ropeOf({}));
  for (const rope_scaling of [
    { type: 'linear', factor: 1 },
    { type: 'dynamic', factor: 4 },
    { type: 'llama3', factor: 1, low_freq_factor: 1, high_freq_factor: 4 },
    { type: 'yarn', factor: 1, original_max_position_embeddings: 64 },
  ]) {
    const { frequencies, attentionFactor } = rotaryFrequencies(ropeOf({ rope_scaling }));
    expect(attentionFactor).toBe(1);
    for (const [i, frequency] of frequencies.entries())
      expect(frequency / (plain.frequencies[i] as number)).toBeCloseTo(1, 6);
  }
});
