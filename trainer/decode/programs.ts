import type { Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs-core';
import type { ModelConfig } from '../model/config.ts';
import { lmHead } from '../model/decoder.ts';
import type { Attend, Parameters } from '../model/parameters.ts';
import type { Program, Session, TensorSpec } from '../tensor/session.ts';
import { tf } from '../tensor/tf.ts';
import { type CachedTokens, cachedGreedy, cachedHidden } from './cached-hidden.ts';
import { distribution, type Greedy, greedy, sample } from './choose.ts';
import { eachRepeated, type KvCache, runAttention, stepAttention } from './kv-cache.ts';
import { topK } from './top-k.ts';

/** What the programs need of a model: its shape, and its weights in their session. */
export interface DecodableModel {
  readonly config: ModelConfig;
  readonly parameters: Parameters;
}

export type ProgramName = 'prefill' | 'step' | 'sample';

/** What all programs of an engine share. */
export interface ProgramSettings {
  readonly session: Session;
  readonly model: DecodableModel;
  readonly cache: KvCache;
  /** Likeliest tokens that a step tells; 0: none. */
  readonly topK: number;
  readonly entropy: boolean;
  /** Tokens that a greedy step chooses for a slot at most, and those after which it chooses none. */
  readonly steps: number;
  readonly ends: ReadonlySet<number>;
}

/** Tokens of a sequence that one prefill run takes, and of how many sequences: enough rows to keep the processor busy. */
export const PREFILL_LENGTH = 32;
export const prefillWidth = ({ slots }: Pick<KvCache, 'slots'>): number => Math.min(16, slots);

/** Whether a step tells nothing but what it chose: only then can it choose several tokens. */
export function isPlain({ topK, entropy }: Pick<ProgramSettings, 'topK' | 'entropy'>): boolean {
  return topK === 0 && !entropy;
}

type Inputs = Readonly<Record<string, Tensor>>;
type Outputs = Record<string, Tensor>;

interface Declaration {
  readonly inputs: Readonly<Record<string, TensorSpec>>;
  body(inputs: Inputs): Outputs;
}

/**
 * Declares a program of an engine in its session. See DecodeEngine for what each does.
 *
 * @param label names it in the session
 * @param reach blocks of the cache that it looks at
 */
export function declareProgram(name: ProgramName, label: string, reach: number, settings: ProgramSettings): Program {
  const { inputs, body } = DECLARATIONS[name](settings, reach);
  return settings.session.program(label, inputs, body) as Program;
}

const DECLARATIONS: Readonly<Record<ProgramName, (settings: ProgramSettings, reach: number) => Declaration>> = {
  prefill({ session, model, cache }, reach) {
    const width = prefillWidth(cache);
    const rows = int32(width * PREFILL_LENGTH);
    return {
      inputs: { ids: rows, positions: rows, slots: int32(width) },
      body({ ids, positions, slots }) {
        const rows = { ids: ids as Tensor1D, positions: positions as Tensor1D };
        const own = slots as Tensor1D;
        cachedHidden(session, model, { ...rows, cache, slots: eachRepeated(own, PREFILL_LENGTH) }, () =>
          runAttention(model.config, cache, own, rows.positions, reach),
        );
        return {};
      },
    };
  },

  step(settings, reach) {
    const { slots } = settings.cache;
    return {
      inputs: { ids: int32(slots), positions: int32(slots), most: int32(slots) },
      body({ ids, positions, most }) {
        const [tokens, places] = [ids, positions] as [Tensor1D, Tensor1D];
        if (isPlain(settings)) return { ...stepGreedy(settings, tokens, places, most as Tensor1D, reach) };
        const logits = stepLogits(settings, tokens, places, reach);
        return { ...greedy(logits), ...extras(settings, logits) };
      },
    };
  },

  sample(settings, reach) {
    const { slots } = settings.cache;
    const float32 = (size: number) => ({ shape: [size], dtype: 'float32' }) as const;
    return {
      inputs: { ids: int32(slots), positions: int32(slots), temperature: float32(1), uniforms: float32(slots) },
      body({ ids, positions, temperature, uniforms }) {
        const logits = stepLogits(settings, ids as Tensor1D, positions as Tensor1D, reach);
        const next = sample(logits, temperature as Tensor1D, uniforms as Tensor1D);
        return { next, margin: greedy(logits).margin, ...extras(settings, logits) };
      },
    };
  },
};

function stepLogits(settings: ProgramSettings, ids: Tensor1D, positions: Tensor1D, reach: number): Tensor2D {
  const { session, model } = settings;
  const hidden = cachedHidden(session, model, ...stepTokens(settings, ids, positions, reach));
  return lmHead(model.config, model.parameters, hidden);
}

function stepGreedy(
  settings: ProgramSettings,
  ids: Tensor1D,
  positions: Tensor1D,
  most: Tensor1D,
  reach: number,
): Greedy {
  const { session, model, steps, ends } = settings;
  return cachedGreedy(session, model, ...stepTokens(settings, ids, positions, reach), { most, steps, ends });
}

/** A token a slot, and how to look at the cache. */
function stepTokens(
  { model, cache }: ProgramSettings,
  ids: Tensor1D,
  positions: Tensor1D,
  reach: number,
): [CachedTokens, () => Attend] {
  const slots = tf.range(0, cache.slots, 1, 'int32');
  return [{ ids, positions, slots, cache }, () => stepAttention(model.config, cache, positions, reach)];
}

function extras(settings: ProgramSettings, logits: Tensor2D): Outputs {
  const { entropy, logSum } = distribution(logits);
  const outputs: Outputs = settings.entropy ? { entropy } : {};
  if (settings.topK === 0) return outputs;
  const { indices, values } = topK(logits, settings.topK);
  return { ...outputs, topIds: indices, topLogprobs: tf.sub(values, logSum) };
}

function int32(size: number): TensorSpec {
  return { shape: [size], dtype: 'int32' };
}
