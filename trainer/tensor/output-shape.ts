import type { Tensor } from '@tensorflow/tfjs-core';
import type { OpAttribute } from './node-backend.ts';
import { tf } from './tf.ts';

/** Ops whose output has the shape to which their inputs broadcast. */
const POINTWISE_OPS = new Set([
  ...['Add', 'AddV2', 'Sub', 'Mul', 'RealDiv', 'Maximum', 'Minimum'],
  ...['Square', 'Sqrt', 'Rsqrt', 'Exp', 'Neg', 'Sigmoid', 'Softmax', 'Identity'],
]);

/**
 * The shape of an op's output where it follows from the shapes of its inputs, for the ops that cost most to execute; undefined for others.
 *
 * @example outputShape('BatchMatMulV2', attributes, [a, b]) // [2, 3, 5] for [2, 3, 4] and [2, 4, 5]
 */
export function outputShape(
  op: string,
  attributes: readonly OpAttribute[],
  inputs: readonly Pick<Tensor, 'shape'>[],
): number[] | undefined {
  const shapes = inputs.map(({ shape }) => shape);
  if (POINTWISE_OPS.has(op)) return shapes.reduce((a, b) => broadcast(a, b));
  if (op !== 'BatchMatMulV2') return undefined;
  const [a = [], b = []] = shapes;
  const isSwapped = (name: string) => attributes.find((attribute) => attribute.name === name)?.value === true;
  const [rows, columns] = [a.at(isSwapped('adj_x') ? -1 : -2), b.at(isSwapped('adj_y') ? -2 : -1)];
  return [...broadcast(a.slice(0, -2), b.slice(0, -2)), rows as number, columns as number];
}

function broadcast(a: readonly number[], b: readonly number[]): number[] {
  return tf.broadcast_util.assertAndGetBroadcastShape([...a], [...b]);
}
