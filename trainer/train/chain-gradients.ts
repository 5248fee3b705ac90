import type { Tensor } from '@tensorflow/tfjs-core';
import { after } from '../tensor/after.ts';
import { tf } from '../tensor/tf.ts';

/**
 * A part of a computation: from what the part before it puts out (undefined for the first). Whatever else it computes on must come through
 * `late`, unless that costs nothing: the part may be computed twice, the second time late.
 */
export type Link = (x: Tensor | undefined, late: <T extends Tensor>(input: T) => T) => Tensor;

/**
 * The value of a chain of functions, whose last one gives a scalar, and its gradients. Only what goes from one link to the next is kept
 * in between: the way back computes each link but the last anew.
 *
 * @param weights what the links read beside their input; one that they do not use has the gradient 0
 */
export function chainGradients(
  links: readonly Link[],
  weights: readonly Tensor[],
): { readonly value: Tensor; readonly gradients: Tensor[] } {
  const inputs: (Tensor | undefined)[] = [undefined];
  for (const link of links.slice(0, -1)) {
    const x = inputs.at(-1);
    inputs.push(tf.tidy(() => link(x, (input) => input)));
  }
  let [value, dy]: (Tensor | undefined)[] = [];
  const sums: (Tensor | undefined)[] = weights.map(() => undefined);
  for (const [index, link] of [...links.entries()].reverse()) {
    const above: Tensor | undefined = dy;
    const late = <T extends Tensor>(x: T): T => (above === undefined ? x : after(x, above));
    const input = inputs[index];
    const x = input === undefined ? [] : [late(input)];
    const { value: y, grads }: { value: Tensor; grads: (Tensor | undefined)[] } = tf
      .engine()
      .gradients(() => link(x[0], late), [...x, ...weights], above, true);
    value ??= y;
    if (x.length > 0) dy = grads.shift();
    for (const [place, gradient] of grads.entries()) {
      const sum = sums[place];
      sums[place] = sum === undefined || gradient === undefined ? (sum ?? gradient) : tf.add(sum, gradient);
    }
  }
  const gradients = sums.map((sum, place) => sum ?? tf.zerosLike(weights[place] as Tensor));
  return { value: value as Tensor, gradients };
}
