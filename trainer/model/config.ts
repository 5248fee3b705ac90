import { join } from 'node:path';
import { z } from 'zod';
import { CftError } from '../../crds/errors.ts';
import { checked } from '../checked.ts';
import { readInputJson } from '../input-file.ts';
import { type Activation, parseActivation } from './activation-config.ts';
import { parseWindows, windowKeys } from './attention-windows.ts';
import { FAMILIES, type Family } from './families.ts';
import { parseRope, type RopeConfig, ropeKeys } from './rope-config.ts';
import { refuseUnsupportedValues, unsupportedKey } from './unsupported.ts';

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
  readonly normPlacement: Family['normPlacement'];
  readonly queryKeyNorm: Family['queryKeyNorm'];
  readonly fusedProjections: boolean;
  readonly activation: Activation;
  readonly rope: RopeConfig;
  /** For each layer, how many tokens one attends to, itself and those right before it; undefined: all. */
  readonly attentionWindows: readonly (number | undefined)[];
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

const HINT = 'compare it with the file that transformers writes for this architecture';

/** Far above any model's: a number of layers becomes as many objects. */
const MAX_LAYERS = 10_000;

const size = z.int().positive();
const tokenId = z.int().nonnegative();

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
  hidden_act: z.string().nullish(),
  num_hidden_layers: size.max(MAX_LAYERS),
  num_attention_heads: size,
  num_key_value_heads: size.nullish(),
  head_dim: size.nullish(),
  max_position_embeddings: size.nullish(),
  rms_norm_eps: z.number().positive().nullish(),
  ...ropeKeys,
  attention_bias: z.boolean().nullish(),
  mlp_bias: z.boolean().nullish(),
  ...windowKeys,
  tie_word_embeddings: z.boolean().nullish(),
  dtype: z.string().nullish(),
  torch_dtype: z.string().nullish(),
});

type RawConfig = z.infer<typeof configSchema>;

/**
 * Reads a Hugging Face model directory's config.json and, where there is one, generation_config.json. Of the latter only the
 * token ids count: how to sample is the run's own setting.
 *
 * @throws CftError FileNotFound, CorruptFile, InvalidConfig (a field's path and what is wrong), UnsupportedModel (the key by name)
 */
export async function loadConfig(dir: string): Promise<ModelConfig> {
  const path = join(dir, 'config.json');
  const config = await readInputJson(path, z.unknown(), HINT);
  if (config === undefined) {
    throw new CftError('FileNotFound', 'config.json does not exist', {
      where: path,
      hint: 'pass a Hugging Face model directory (config.json, tokenizer.json, model.safetensors)',
    });
  }
  const generationPath = join(dir, 'generation_config.json');
  const generation = await readInputJson(generationPath, tokenIdsSchema.nullable(), HINT);
  return withTokenIds(parseConfig(config, path), generation ?? {});
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
  const { defaults } = family;
  const heads = config.num_attention_heads;
  const headDim = config.head_dim ?? defaults.headDim ?? Math.floor(config.hidden_size / heads);
  const maxPositionEmbeddings = config.max_position_embeddings ?? defaults.maxPositionEmbeddings;
  return withTokenIds(
    {
      architecture: family.architecture,
      modelType: family.modelType,
      vocabSize: config.vocab_size,
      hiddenSize: config.hidden_size,
      intermediateSize: config.intermediate_size,
      numHiddenLayers: config.num_hidden_layers,
      numAttentionHeads: heads,
      numKeyValueHeads: keyValueHeadsOf(config, family, where),
      headDim,
      maxPositionEmbeddings,
      rmsNormEps: config.rms_norm_eps ?? defaults.rmsNormEps,
      normPlacement: family.normPlacement,
      queryKeyNorm: family.queryKeyNorm,
      fusedProjections: family.fusedProjections,
      activation: parseActivation(config.hidden_act, where),
      rope: parseRope(config, family, { headDim, maxPositionEmbeddings }, where),
      attentionWindows: parseWindows(config, family, config.num_hidden_layers, where),
      tieWordEmbeddings: config.tie_word_embeddings ?? false,
      biasedLayers: family.biases.flatMap(({ layers, key }) =>
        key === 'always' || config[key] === true ? layers : [],
      ),
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
  const modelType = config.model_type ?? undefined;
  const family =
    architecture === undefined
      ? FAMILIES.find((known) => known.modelType === modelType)
      : FAMILIES.find((known) => known.architecture === architecture);
  if (family !== undefined && (modelType === undefined || modelType === family.modelType)) return family;
  if (family !== undefined)
    throw unsupportedKey('model_type', modelType, `"${family.modelType}" with ${architecture}`, where);
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

function keyValueHeadsOf(config: RawConfig, family: Family, where: string): number {
  const heads = config.num_attention_heads;
  if (config.num_key_value_heads === undefined && family.defaults.keyValueHeads === undefined)
    throw new CftError('InvalidConfig', 'num_key_value_heads is missing', {
      where,
      hint: 'for as many as heads, set it to null',
    });
  const kvHeads = config.num_key_value_heads ?? heads;
  if (heads % kvHeads === 0) return kvHeads;
  const message = `num_attention_heads ${heads} is not a multiple of num_key_value_heads ${kvHeads}`;
  throw new CftError('InvalidConfig', message, { where });
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
  return checked(schema, raw, { code: 'InvalidConfig', where, hint: HINT });
}
