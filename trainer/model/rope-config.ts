import { z } from 'zod';
import { CftError } from '../../crds/errors.ts';
import { checked } from '../checked.ts';
import type { Family } from './families.ts';
import { unsupportedKey } from './unsupported.ts';

/** Rotary position embedding (arXiv 2104.09864) as config.json describes it. */
export interface RopeConfig {
  /** The base of the wavelengths. */
  readonly theta: number;
  /** Leading dimensions of each head that are turned; the others pass as they are. */
  readonly rotaryDim: number;
  readonly scaling: RopeScaling;
  /** Tokens of the sequences, for the scalings whose angles depend on it; undefined: few enough that nothing is stretched. */
  readonly length?: number;
}

/** How the angles are stretched for sequences longer than those of the pre-training. Lengths are in tokens. */
export type RopeScaling =
  | { readonly type: 'default' }
  /** All frequencies divided by the factor. */
  | { readonly type: 'linear'; readonly factor: number }
  /** NTK-aware: the base grows with a sequence longer than `trainedLength`. */
  | { readonly type: 'dynamic'; readonly factor: number; readonly trainedLength: number }
  /** Low frequencies divided, high ones kept, those between blended. */
  | {
      readonly type: 'llama3';
      readonly factor: number;
      readonly lowFrequencyFactor: number;
      readonly highFrequencyFactor: number;
      readonly trainedLength: number;
    }
  /** arXiv 2309.00071. */
  | {
      readonly type: 'yarn';
      readonly factor: number;
      readonly attentionFactor: number;
      readonly betaFast: number;
      readonly betaSlow: number;
      readonly truncate: boolean;
      readonly trainedLength: number;
    }
  /** arXiv 2402.13753: each frequency has a divisor of its own, another one in a sequence longer than `trainedLength`. */
  | {
      readonly type: 'longrope';
      readonly short: readonly number[];
      readonly long: readonly number[];
      readonly attentionFactor: number;
      readonly trainedLength: number;
    };

const factor = z.number().positive();
const length = z.int().positive();
const common = {
  rope_theta: factor.nullish(),
  rope_type: z.string().nullish(),
  type: z.string().nullish(),
  partial_rotary_factor: factor.max(1).nullish(),
  original_max_position_embeddings: length.nullish(),
  /** Left by some tools; nothing reads it. */
  finetuned: z.boolean().nullish(),
};
/** Where a scaling was found, and the lengths that its keys are relative to. */
interface Context {
  readonly key: string;
  readonly where: string;
  readonly maxLength: number;
  /** `original_max_position_embeddings` beside the scaling, which wins over that inside. */
  readonly originalLength: number | undefined;
}
type Reader = (rope: unknown, context: Context) => RopeScaling;

/** Reads a scaling of these keys and no others. */
function reader<T>(schema: z.ZodType<T>, make: (rope: T, context: Context) => RopeScaling): Reader {
  return (rope, context) => {
    const { key, where } = context;
    const unknown = unknownKey(schema, rope);
    if (unknown !== undefined) {
      const value = (rope as Record<string, unknown>)[unknown];
      throw unsupportedKey(`${key}.${unknown}`, value, 'no such key with this rope_type', where);
    }
    const hint = 'compare it with what transformers writes for this rope_type';
    return make(checked(schema, rope, { code: 'InvalidConfig', path: key, where, hint }), context);
  };
}

function unknownKey(schema: z.ZodType, rope: unknown): string | undefined {
  const issues = schema.safeParse(rope).error?.issues ?? [];
  return issues.find((issue) => issue.code === 'unrecognized_keys')?.keys[0];
}

const READERS: Readonly<Record<RopeScaling['type'], Reader>> = {
  default: reader(z.strictObject(common), () => ({ type: 'default' })),
  linear: reader(z.strictObject({ ...common, factor }), ({ factor }) => ({ type: 'linear', factor })),
  dynamic: reader(z.strictObject({ ...common, factor }), ({ factor }, { maxLength }) => ({
    type: 'dynamic',
    factor,
    trainedLength: maxLength,
  })),
  llama3: reader(
    z.strictObject({ ...common, factor, low_freq_factor: factor, high_freq_factor: factor }),
    (rope, { originalLength, maxLength }) => ({
      type: 'llama3',
      factor: rope.factor,
      lowFrequencyFactor: rope.low_freq_factor,
      highFrequencyFactor: rope.high_freq_factor,
      trainedLength: originalLength ?? rope.original_max_position_embeddings ?? maxLength,
    }),
  ),
  yarn: reader(
    z.strictObject({
      ...common,
      factor: factor.nullish(),
      attention_factor: factor.nullish(),
      beta_fast: z.number().nullish(),
      beta_slow: z.number().nullish(),
      mscale: z.number().nullish(),
      mscale_all_dim: z.number().nullish(),
      truncate: z.boolean().nullish(),
    }),
    (rope, { originalLength, maxLength }) => {
      const trainedLength = originalLength ?? rope.original_max_position_embeddings ?? maxLength;
      const factor = rope.factor ?? maxLength / trainedLength;
      return {
        type: 'yarn',
        factor,
        attentionFactor: rope.attention_factor ?? yarnAttention(factor, rope.mscale, rope.mscale_all_dim),
        betaFast: rope.beta_fast || 32,
        betaSlow: rope.beta_slow || 1,
        truncate: rope.truncate ?? true,
        trainedLength,
      };
    },
  ),
  longrope: reader(
    z.strictObject({
      ...common,
      factor: factor.nullish(),
      attention_factor: factor.nullish(),
      short_factor: z.array(factor),
      long_factor: z.array(factor),
    }),
    (rope, { originalLength, maxLength, where }) => {
      const trainedLength = originalLength ?? rope.original_max_position_embeddings;
      if (!trainedLength)
        throw new CftError('InvalidConfig', 'original_max_position_embeddings is missing; longrope needs it', {
          where,
        });
      const factor = rope.factor ?? maxLength / trainedLength;
      const attentionFactor = factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(trainedLength));
      return {
        type: 'longrope',
        short: rope.short_factor,
        long: rope.long_factor,
        attentionFactor: rope.attention_factor ?? attentionFactor,
        trainedLength,
      };
    },
  ),
};

/** The keys of config.json that rotary embeddings come from; `rope_scaling` is what transformers 4 called `rope_parameters`. */
export const ropeKeys = {
  rope_theta: factor.nullish(),
  rope_scaling: z.record(z.string(), z.unknown()).nullish(),
  rope_parameters: z.record(z.string(), z.unknown()).nullish(),
  partial_rotary_factor: factor.max(1).nullish(),
  original_max_position_embeddings: length.nullish(),
};
type RopeKeys = z.infer<z.ZodObject<typeof ropeKeys>>;

/**
 * Rotary embeddings from where transformers takes them: rope_scaling or rope_parameters if they say it, else the keys beside them.
 *
 * @throws CftError InvalidConfig, UnsupportedModel (a kind of scaling or a key of it that is not known, by name)
 */
export function parseRope(
  config: RopeKeys,
  family: Family,
  { headDim, maxPositionEmbeddings }: { headDim: number; maxPositionEmbeddings: number },
  where: string,
): RopeConfig {
  const key = Object.keys(config.rope_scaling ?? {}).length > 0 ? 'rope_scaling' : 'rope_parameters';
  const rope = config[key] ?? {};
  const scaling = parseScaling(rope, {
    key,
    where,
    maxLength: maxPositionEmbeddings,
    originalLength: config.original_max_position_embeddings ?? undefined,
  });
  const part = (rope.partial_rotary_factor ?? config.partial_rotary_factor ?? 1) as number;
  if (part !== 1 && !family.partialRotary && scaling.type !== 'default')
    throw unsupportedKey('partial_rotary_factor', part, `1 in ${family.architecture} with scaled angles`, where);
  const rotaryDim = family.partialRotary ? Math.trunc(headDim * part) : headDim;
  if (rotaryDim < 2 || rotaryDim % 2 !== 0)
    throw new CftError(
      'InvalidConfig',
      `${rotaryDim} of the head's ${headDim} dimensions are rotary; it must be even`,
      {
        where,
        value: rotaryDim,
        hint: 'check hidden_size, num_attention_heads, head_dim and partial_rotary_factor',
      },
    );
  const lists = scaling.type === 'longrope' ? [scaling.short, scaling.long] : [];
  for (const [i, { length }] of lists.entries())
    if (length !== rotaryDim / 2)
      throw new CftError(
        'InvalidConfig',
        `${key}.${['short', 'long'][i]}_factor has ${length} entries, ${rotaryDim} rotary dimensions need ${rotaryDim / 2}`,
        { where },
      );
  return { theta: (rope.rope_theta ?? config.rope_theta ?? 10_000) as number, rotaryDim, scaling };
}

function parseScaling(rope: Readonly<Record<string, unknown>>, context: Context): RopeScaling {
  const { key, where } = context;
  const nested = Object.entries(rope).find(([, value]) => typeof value === 'object' && !Array.isArray(value) && value);
  if (nested) throw unsupportedKey(`${key}.${nested[0]}`, nested[1], 'one rope for all layers', where);
  const named = rope.rope_type ?? rope.type ?? 'default';
  const type = named === 'su' ? 'longrope' : named;
  const known = Object.entries(READERS).find(([name]) => name === type);
  if (known === undefined)
    throw unsupportedKey(`${key}.rope_type`, type, `one of ${Object.keys(READERS).join(', ')}`, where);
  return known[1](rope, context);
}

/** What yarn multiplies cosines and sines by, so that attention stays as sharp as it was. */
function yarnAttention(factor: number, mscale: number | null | undefined, allDim: number | null | undefined): number {
  const sharpness = (weight: number) => (factor <= 1 ? 1 : 0.1 * weight * Math.log(factor) + 1);
  return mscale && allDim ? sharpness(mscale) / sharpness(allDim) : sharpness(1);
}
