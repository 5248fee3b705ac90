import type { Tensor, Tensor2D } from '@tensorflow/tfjs-core';
import { CftError } from '../../crds/errors.ts';
import type { Random } from '../random.ts';
import { tf } from '../tensor/tf.ts';
import type { ModelConfig } from './config.ts';
import type { Parameters } from './parameters.ts';
import type { TensorSource } from './safetensors-write.ts';
import { type LinearLayer, linearLayers } from './weights.ts';

/** Low-rank adaptation (arXiv 2106.09685): which layers, and how large. */
export interface LoraSpec {
  readonly rank: number;
  readonly alpha: number;
  /** Layers by the end of their name, e.g. `q_proj` or `self_attn.q_proj`; `all-linear` is every one but the head. */
  readonly targetModules: readonly string[];
  /** Share of a layer's inputs that training leaves out before A. Default 0. */
  readonly dropout?: number;
  /** Scale by alpha / sqrt(rank) (arXiv 2312.03732) instead of alpha / rank. Default false. */
  readonly rankStabilized?: boolean;
}

/** A spec with its trained matrices: `<layer>.lora_A.weight` [rank, in] and `<layer>.lora_B.weight` [out, rank], fp32. */
export interface LoraAdapter {
  readonly spec: LoraSpec;
  readonly tensors: ReadonlyMap<string, Float32Array>;
}

/** What B A is multiplied by. */
export function loraScale(spec: LoraSpec): number {
  return spec.alpha / (spec.rankStabilized ? Math.sqrt(spec.rank) : spec.rank);
}

/**
 * The layers that a spec adapts, in the order of the computation.
 *
 * @throws CftError InvalidArgument for a target that no layer's name ends in, with the names that there are
 */
export function loraLayers(config: ModelConfig, spec: LoraSpec): LinearLayer[] {
  const layers = linearLayers(config);
  const matches = (name: string, target: string) =>
    target === 'all-linear' ? name !== 'lm_head' : name === target || name.endsWith(`.${target}`);
  for (const target of spec.targetModules) {
    if (layers.some(({ name }) => matches(name, target))) continue;
    const candidates = [...new Set(layers.map(({ name }) => name.slice(name.lastIndexOf('.') + 1)))];
    throw new CftError('InvalidArgument', `LoRA target "${target}" is no linear layer of the model`, {
      where: 'targetModules',
      value: target,
      hint: `use some of ${candidates.join(', ')}, or all-linear`,
    });
  }
  return layers.filter(({ name }) => spec.targetModules.some((target) => matches(name, target)));
}

/** Name and shape of every matrix that training a spec needs. */
export function loraShapes(config: ModelConfig, spec: LoraSpec): Map<string, readonly [number, number]> {
  return new Map(
    loraLayers(config, spec).flatMap(({ name, inSize, outSize }) => [
      [`${name}.lora_A.weight`, [spec.rank, inSize]] as const,
      [`${name}.lora_B.weight`, [outSize, spec.rank]] as const,
    ]),
  );
}

/**
 * A fresh adapter, which changes nothing yet: A uniform as PEFT draws it (Kaiming with a = sqrt(5), that is within
 * 1/sqrt(in)), B zero. Each layer's numbers depend on the seed and the layer's name only.
 */
export function initLora(config: ModelConfig, spec: LoraSpec, random: Random): LoraAdapter {
  const tensors = new Map<string, Float32Array>();
  for (const { name, inSize, outSize } of loraLayers(config, spec)) {
    const stream = random.fork(name);
    const bound = 1 / Math.sqrt(inSize);
    const a = Float32Array.from({ length: spec.rank * inSize }, () => (2 * stream.uniform() - 1) * bound);
    tensors.set(`${name}.lora_A.weight`, a);
    tensors.set(`${name}.lora_B.weight`, new Float32Array(outSize * spec.rank));
  }
  return { spec, tensors };
}

/**
 * Parameters whose adapted layers compute linear(x) + scale * dropout(x) A^T B^T. Costs 2 * rows * rank * (in + out)
 * multiply-adds a layer.
 *
 * @param find    A and B by their names in loraShapes; a layer whose A it does not know stays as it is
 * @param dropout what training does to x before A, by layer name; the randomness must come from the program's inputs
 */
export function withLora(
  base: Parameters,
  spec: LoraSpec,
  find: (name: string) => Tensor | undefined,
  dropout: (layer: string, x: Tensor2D) => Tensor2D = (_layer, x) => x,
): Parameters {
  const scale = loraScale(spec);
  return {
    tensor: base.tensor,
    linear(name, x) {
      const y = base.linear(name, x);
      const a = find(`${name}.lora_A.weight`) as Tensor2D | undefined;
      const b = find(`${name}.lora_B.weight`) as Tensor2D | undefined;
      if (a === undefined || b === undefined) return y;
      const down: Tensor2D = tf.mul(tf.matMul(dropout(name, x), a, false, true), scale);
      return tf.add(y, tf.matMul(down, b, false, true));
    },
  };
}

/** The model's weights with an adapter folded in: W + scale * B A. Each is computed when its turn comes. */
export function mergeLora(weights: readonly TensorSource[], adapter: LoraAdapter): TensorSource[] {
  const { rank } = adapter.spec;
  const scale = loraScale(adapter.spec);
  return weights.map((weight) => {
    const layer = weight.name.replace(/\.weight$/, '');
    const a = adapter.tensors.get(`${layer}.lora_A.weight`);
    const b = adapter.tensors.get(`${layer}.lora_B.weight`);
    if (a === undefined || b === undefined) return weight;
    const [outSize, inSize] = weight.shape as [number, number];
    const values = async () => {
      const base = await weight.values();
      const merged = tf.tidy(() => {
        const change = tf.matMul(tf.tensor2d(b, [outSize, rank]), tf.tensor2d(a, [rank, inSize]));
        return tf.add(tf.tensor2d(base, [outSize, inSize]), tf.mul(change, scale));
      });
      const result = merged.dataSync() as Float32Array;
      merged.dispose();
      return result;
    };
    return { name: weight.name, shape: weight.shape, values };
  });
}
