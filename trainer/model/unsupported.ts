import { CftError } from '../../crds/errors.ts';

/** A key of config.json that this decoder would compute differently: refused by name, never ignored. */
export function unsupportedKey(key: string, value: unknown, supported: string, where: string): CftError {
  return new CftError(
    'UnsupportedModel',
    `${key} ${JSON.stringify(value)} is not supported; supported is ${supported}`,
    {
      where,
      value,
      hint: 'choose another model: this key changes what the model computes and must not be ignored',
    },
  );
}

/**
 * Keys that change what a model computes in any family, and the values for which this decoder computes the same. A key left out or null
 * is always fine: transformers then takes the value that is supported here.
 */
const SUPPORTED_VALUES: readonly { key: string; supported: string; accepts: (value: unknown) => boolean }[] = [
  ...['attention_dropout', 'resid_pdrop', 'embd_pdrop'].map((key) => ({
    key,
    supported: '0',
    accepts: (value: unknown) => value === 0,
  })),
  ...['use_mrope', 'is_encoder_decoder'].map((key) => ({
    key,
    supported: 'false',
    accepts: (value: unknown) => value === false,
  })),
  { key: 'is_causal', supported: 'true', accepts: (value) => value === true },
  ...['quantization_config', 'compression_config'].map((key) => ({
    key,
    supported: 'none (fp32, fp16 or bf16 weights)',
    accepts: () => false,
  })),
  { key: 'per_layer_config', supported: 'one configuration for all layers', accepts: isEmpty },
  { key: 'attention_chunk_size', supported: 'none', accepts: () => false },
  // What other families do to the same layers; a config of this kind was not made for the architecture that it names.
  ...['clip_qkv', 'attn_logit_softcapping', 'final_logit_softcapping', 'query_pre_attn_scalar'].map((key) => ({
    key,
    supported: 'none',
    accepts: () => false,
  })),
  ...['embedding_multiplier', 'residual_multiplier', 'logits_scaling', 'logit_scale', 'scale_emb'].map((key) => ({
    key,
    supported: '1',
    accepts: (value: unknown) => value === 1,
  })),
];

/**
 * Refuses what no family supports.
 *
 * @throws CftError UnsupportedModel
 */
export function refuseUnsupportedValues(raw: Readonly<Record<string, unknown>>, where: string): void {
  for (const { key, supported, accepts } of SUPPORTED_VALUES) {
    const value = raw[key];
    if (value === undefined || value === null || accepts(value)) continue;
    throw unsupportedKey(key, value, supported, where);
  }
}

function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}
