import type { Tensor } from '@tensorflow/tfjs-core';
import { nodeBackend } from './node-backend.ts';

/**
 * The same tensor, for those who must not begin before others are there. A compiled program runs whatever has its inputs, in any order, and
 * computes only once what stands in it twice: work that is to be done late, part by part or anew reads its inputs through this. It copies
 * nothing, and it passes no gradient: use it where gradients are written by hand, or on the inputs that they are taken for.
 */
export function after<T extends Tensor>(x: T, ...awaited: readonly Tensor[]): T {
  return (nodeBackend()?.after?.(x, awaited) ?? x) as T;
}
