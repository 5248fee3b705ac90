import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { CftError } from '../../crds/errors.ts';
import { FAMILIES, type Family } from './families.ts';

/** Element types of weights in a file. */
export type WeightDtype = 'float32' | 'float16' | 'bfloat16';

/** A decoder's shape and constants: config.json (and the token ids of generation_config.json) with every default filled in. */
export interface ModelConfig {
  readonly architecture: string;
  readonly modelType: string;
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly numHiddenLayers: number;
  readonly numAttentionHeads: number;
  readonly numKeyValueHeads: number;
  readonly headDim: number;
  readonly maxPositionEmbeddings: number;
  readonly rmsNormEps: number;
  readonly ropeTheta: number;
  readonly tieWordEmbeddings: boolean;
  /** Linear layers that add a bias, by their name inside a decoder layer, e.g. `self_attn.q_proj`. */
  readonly biasedLayers: readonly string[];
  /** What config.json says the weights were saved in; the file itself decides how they are read. */
  readonly dtype: WeightDtype | undefined;
  /** Any of these ends a response. */
  readonly eosTokenIds: readonly number[];
  readonly bosTokenId: number | undefined;
  readonly padTokenId: number | undefined;
}

const size = z.int().positive();
const tokenId = z.int().nonnegative();

const ropeSchema = z.looseObject({
  rope_theta: z.number().positive().nullish(),
  rope_type: z.string().nullish(),
  type: z.string().nullish(),
  partial_rotary_factor: z.number().nullish(),
});

const tokenIdsSchema = z.looseObject({
  bos_token_id: tokenId.nullish(),
  eos_token_id: z.union([tokenId, z.array(tokenId)]).nullish(),
  pad_token_id: tokenId.nullish(),
});

const configSchema = tokenIdsSchema.extend({
  architectures: z.array(z.string()).nullish(),
  model_type: z.string().nullish(),
  vocab_size: size,
  hidden_size: size,
  intermediate_size: size,
  num_hidden_layers: size,
  num_attention_heads: size,
  num_key_value_heads: size.nullable(),
  head_dim: size.nullish(),
  max_position_embeddings: size.nullish(),
  rms_norm_eps: z.number().positive().nullish(),
  rope_theta: z.number().positive().nullish(),
  rope_scaling: ropeSchema.nullish(),
  rope_parameters: ropeSchema.nullish(),
  tie_word_embeddings: z.boolean().nullish(),
  dtype: z.string().nullish(),
  torch_dtype: z.string().nullish(),
});

/**
 * Keys that change what a model computes, and the values for which this decoder computes the same. A key left out or null is
 * always fine: transformers then takes the value that is supported here.
 */
const SUPPORTED_VALUES: readonly { key: string; supported: string; accepts: (value: unknown) => boolean }[] = [
  { key: 'hidden_act', supported: '"silu"', accepts: (value) => value === 'silu' || value === 'swish' },
  { key: 'attention_dropout', supported: '0', accepts: (value) => value === 0 },
  { key: 'use_sliding_window', supported: 'false', accepts: (value) => value === false },
  { key: 'use_mrope', supported: 'false', accepts: (value) => value === false },
  { key: 'is_causal', supported: 'true', accepts: (value) => value === true },
  { key: 'is_encoder_decoder', supported: 'false', accepts: (value) => value === false },
  { key: 'partial_rotary_factor', supported: '1', accepts: (value) => value === 1 },
  { key: 'quantization_config', supported: 'none (fp32, fp16 or bf16 weights)', accepts: () => false },
  { key: 'compression_config', supported: 'none (fp32, fp16 or bf16 weights)', accepts: () => false },
  {
    key: 'layer_types',
    supported: '"full_attention" for every layer',
    accepts: (value) => Array.isArray(value) && value.every((type) => type === 'full_attention'),
  },
];

/**
 * Reads a Hugging Face model directory's config.json and, where there is one, generation_config.json. Of the latter only the
 * token ids count: how to sample is the run's own setting.
 *
 * @throws CftError FileNotFound, InvalidConfig (a field's path and what is wrong), UnsupportedModel (the key by name)
 */
export async function loadConfig(dir: string): Promise<ModelConfig> {
  const path = join(dir, 'config.json');
  const config = await readJson(path);
  if (config === undefined) {
    throw new CftError('FileNotFound', 'config.json does not exist', {
      where: path,
      hint: 'pass a Hugging Face model directory (config.json, tokenizer.json, model.safetensors)',
    });
  }
  const generationPath = join(dir, 'generation_config.json');
  const generation = parse(tokenIdsSchema, (await readJson(generationPath)) ?? {}, generationPath);
  return withTokenIds(parseConfig(config, path), generation);
}

/**
 * config.json's content as a ModelConfig. Anything that would make the decoder compute something else is refused by name.
 *
 * @param raw   the parsed JSON
 * @param where the file it came from, for messages
 * @throws CftError InvalidConfig, UnsupportedModel
 */
export function parseConfig(raw: unknown, where: string): ModelConfig {
  const family = familyOf(parse(configSchema.pick({ architectures: true, model_type: true }), raw, where), where);
  refuseUnsupportedValues(raw as Record<string, unknown>, where);
  const config = parse(configSchema, raw, where);
  const heads = config.num_attention_heads;
  const kvHeads = config.num_key_value_heads ?? heads;
  if (heads % kvHeads !== 0) {
    throw new CftError(
      'InvalidConfig',
      `num_attention_heads ${heads} is not a multiple of num_key_value_heads ${kvHeads}`,
      { where },
    );
  }
  const headDim = config.head_dim ?? Math.floor(config.hidden_size / heads);
  if (headDim < 2 || headDim % 2 !== 0) {
    throw new CftError('InvalidConfig', `the head dimension is ${headDim}; rotary embeddings need an even one`, {
      where,
      hint: 'check hidden_size, num_attention_heads and head_dim',
    });
  }
  return withTokenIds(
    {
      architecture: family.architecture,
      modelType: family.modelType,
      vocabSize: config.vocab_size,
      hiddenSize: config.hidden_size,
      intermediateSize: config.intermediate_size,
      numHiddenLayers: config.num_hidden_layers,
      numAttentionHeads: heads,
      numKeyValueHeads: kvHeads,
      headDim,
      maxPositionEmbeddings: config.max_position_embeddings ?? family.defaults.maxPositionEmbeddings,
      rmsNormEps: config.rms_norm_eps ?? family.defaults.rmsNormEps,
      ropeTheta: ropeThetaOf(config, where) ?? family.defaults.ropeTheta,
      tieWordEmbeddings: config.tie_word_embeddings ?? family.defaults.tieWordEmbeddings,
      biasedLayers: family.biasedLayers,
      dtype: weightDtypeOf(config.dtype ?? config.torch_dtype),
      eosTokenIds: [],
      bosTokenId: undefined,
      padTokenId: undefined,
    },
    config,
  );
}

function familyOf(
  config: { architectures?: string[] | null | undefined; model_type?: string | null | undefined },
  where: string,
): Family {
  const architecture = config.architectures?.[0];
  const family =
    architecture === undefined
      ? FAMILIES.find((known) => known.modelType === config.model_type)
      : FAMILIES.find((known) => known.architecture === architecture);
  if (family !== undefined) return family;
  throw new CftError(
    'UnsupportedModel',
    `architecture ${JSON.stringify(architecture ?? config.model_type ?? null)} is not supported`,
    {
      where,
      value: architecture ?? config.model_type,
      hint: `use a model of one of these: ${FAMILIES.map((known) => known.architecture).join(', ')}`,
    },
  );
}

function refuseUnsupportedValues(raw: Readonly<Record<string, unknown>>, where: string): void {
  for (const { key, supported, accepts } of SUPPORTED_VALUES) {
    const value = raw[key];
    if (value === undefined || value === null || accepts(value)) continue;
    throw unsupportedKey(key, value, supported, where);
  }
}

/** rope_theta from where transformers takes it: rope_scaling or rope_parameters if they name it, else the key beside them. */
function ropeThetaOf(config: z.infer<typeof configSchema>, where: string): number | undefined {
  const key = config.rope_scaling ? 'rope_scaling' : 'rope_parameters';
  const rope = config[key] ?? {};
  const type = rope.rope_type ?? rope.type ?? 'default';
  if (type !== 'default') throw unsupportedKey(`${key}.rope_type`, type, '"default"', where);
  if ((rope.partial_rotary_factor ?? 1) !== 1) {
    throw unsupportedKey(`${key}.partial_rotary_factor`, rope.partial_rotary_factor, '1', where);
  }
  const nested = Object.entries(rope).find(([, value]) => typeof value === 'object' && value !== null);
  if (nested !== undefined) throw unsupportedKey(`${key}.${nested[0]}`, nested[1], 'one rope for all layers', where);
  return rope.rope_theta ?? config.rope_theta ?? undefined;
}

function unsupportedKey(key: string, value: unknown, supported: string, where: string): CftError {
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

function weightDtypeOf(name: string | null | undefined): WeightDtype | undefined {
  const dtype = name?.replace(/^torch\./, '');
  return dtype === 'float32' || dtype === 'float16' || dtype === 'bfloat16' ? dtype : undefined;
}

/** The ids that `ids` names replace the config's own: generation_config.json wins over config.json, as in transformers. */
function withTokenIds(config: ModelConfig, ids: z.infer<typeof tokenIdsSchema>): ModelConfig {
  const eos = ids.eos_token_id;
  return {
    ...config,
    eosTokenIds: eos === undefined || eos === null ? config.eosTokenIds : [eos].flat(),
    bosTokenId: ids.bos_token_id ?? config.bosTokenId,
    padTokenId: ids.pad_token_id ?? config.padTokenId,
  };
}

function parse<T>(schema: z.ZodType<T>, raw: unknown, where: string): T {
  const result = schema.safeParse(raw);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const field = issue?.path.join('.') || 'the file';
  throw new CftError('InvalidConfig', `${field}: ${issue?.message ?? 'invalid'}`, {
    where,
    hint: 'compare it with the config.json that transformers writes for this architecture',
    cause: result.error,
  });
}

/** The parsed file, or undefined where there is none. */
async function readJson(path: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new CftError('FileNotFound', `cannot be read: ${(cause as Error).message}`, { where: path, cause });
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new CftError('InvalidConfig', `is not JSON: ${(cause as Error).message}`, { where: path, cause });
  }
}
