import type { Tensor, Tensor1D, Tensor2D, Tensor3D } from '@tensorflow/tfjs-core';
import { CftError } from '../../crds/errors.ts';
import { tf } from '../tensor/tf.ts';

/**
 * A model's weights as the decoder sees them. Names and layouts are Hugging Face's: `model.layers.0.self_attn.q_proj.weight`
 * is [out, in]. Where they live (a session's variables, plain tensors) and what is added on the way (LoRA) is behind it.
 */
export interface Parameters {
  /** The whole weight, in the file's layout. */
  tensor(name: string): Tensor;
  /**
   * x times the layer's weight transposed, plus its bias where it has one.
   *
   * @param name the layer's name without `.weight`
   * @param x    [rows, in]
   * @returns    [rows, out]
   */
  linear(name: string, x: Tensor2D): Tensor2D;
  /** Whether `linear` does no more than that, with weights that are held for it. Default false. */
  readonly isHeldForLinear?: boolean;
}

/**
 * Attention of one layer over whatever keys and values the caller keeps: a whole sequence, or a cache.
 *
 * @param q [rows, heads, headDim], rotary embedding applied
 * @param k [rows, kvHeads, headDim], rotary embedding applied
 * @param v [rows, kvHeads, headDim]
 * @returns [rows, heads * headDim]
 */
export type Attend = (layer: number, q: Tensor3D, k: Tensor3D, v: Tensor3D) => Tensor2D;

/**
 * Parameters over a lookup of weights by name. The lookup is called again for each use: hand out the same tensor each time
 * (a map of tensors) where gradients are wanted with respect to it.
 *
 * @example parametersOf((name) => weights.get(name))
 */
export function parametersOf(find: (name: string) => Tensor | undefined): Parameters {
  const tensor = (name: string): Tensor => {
    const found = find(name);
    if (found === undefined) throw new CftError('Internal', `the model has no tensor "${name}"`);
    return found;
  };
  return {
    tensor,
    linear(name, x) {
      const y: Tensor2D = tf.matMul(x, tensor(`${name}.weight`) as Tensor2D, false, true);
      const bias = find(`${name}.bias`) as Tensor1D | undefined;
      return bias === undefined ? y : (tf.add(y, bias) as Tensor2D);
    },
  };
}
