/** Norms, gates and rotations as ops of trainer/kernels: values and gradients are those of TensorFlow's ops. */
import type { Tensor, Tensor1D, Tensor2D, Tensor3D } from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { createRandom } from '../random.ts';
import { loadBackend } from '../tensor/backend.ts';
import { createSession } from '../tensor/create-session.ts';
import { tf } from '../tensor/tf.ts';
import { gated } from './activations.ts';
import { rmsNorm } from './decoder.ts';
import { rope } from './rope.ts';
import { maxDifference } from './testing.ts';

beforeAll(() => loadBackend());

/** Values and gradients of a norm and of a gate for the same random numbers. */
function results(rows: number, width: number, kernels: boolean): Record<string, ArrayLike<number>> {
  const session = createSession({ kernels });
  const matrix = { shape: [rows, width], dtype: 'float32' as const };
  const vector = { shape: [width], dtype: 'float32' as const };
  const program = session.program('both', { x: matrix, other: matrix, dy: matrix, weight: vector }, (inputs) => {
    const { x, other, dy, weight } = inputs as { x: Tensor2D; other: Tensor2D; dy: Tensor2D; weight: Tensor1D };
    const norm = (x: Tensor, weight: Tensor) => rmsNorm(x as Tensor2D, weight as Tensor1D, 1e-5);
    const gate = (x: Tensor, other: Tensor) => gated('silu', x as Tensor2D, other as Tensor2D);
    const [dx, dweight] = tf.grads(norm)([x, weight], dy) as [Tensor, Tensor];
    const [dgate, dup] = tf.grads(gate)([x, other], dy) as [Tensor, Tensor];
    return { normed: norm(x, weight), gated: gate(x, other), dx, dweight, dgate, dup };
  });
  const random = createRandom(rows * 1000 + width);
  const some = (size: number, scale: number) =>
    Float32Array.from({ length: size }, () => (random.uniform() - 0.5) * scale);
  const size = rows * width;
  const out = program.run({ x: some(size, 12), other: some(size, 2), dy: some(size, 1), weight: some(width, 3) });
  session.dispose();
  return out;
}

test.each([
  [1, 1],
  [3, 15],
  [70, 16],
  [131, 37],
  [300, 128],
  [5, 4100],
])('%i rows of %i', (rows, width) => {
  const [fused, composed] = [results(rows, width, true), results(rows, width, false)];
  for (const [name, values] of Object.entries(composed)) {
    const largest = Array.from(values).reduce((most, x) => Math.max(most, Math.abs(x)), 1);
    const apart = Array.from(values, (x, i) => Math.abs(x - (fused[name]?.[i] ?? Number.NaN)) / largest);
    expect(Math.max(...apart), name).toBeLessThan(2e-6);
  }
});

/** Rotated vectors and their gradient, and what the vectors were, for the same random numbers. */
function rotations(rows: number, heads: number, headDim: number, turned: number, kernels: boolean) {
  const session = createSession({ kernels });
  const f32 = (...shape: number[]) => ({ shape, dtype: 'float32' as const });
  const inputs = { x: f32(rows, heads, headDim), dy: f32(rows, heads, headDim), angles: f32(rows, 1, turned / 2) };
  const program = session.program('rotate', inputs, (tensors) => {
    const { x, dy, angles } = tensors as Record<keyof typeof inputs, Tensor3D>;
    const [cos, sin] = [tf.cos(angles), tf.sin(angles)];
    const rotary = { cos: tf.concat([cos, cos], 2), sin: tf.concat([tf.neg(sin), sin], 2) };
    const [dx] = tf.grads((x: Tensor) => rope(x as Tensor3D, rotary))([x], dy) as [Tensor];
    // Once where nothing else reads what is turned, so that its memory may be written, and once where it is read.
    const shared = tf.add(x, 1) as Tensor3D;
    return { own: rope(tf.mul(x, 2), rotary), other: rope(shared, rotary), shared: tf.neg(shared), dx };
  });
  const random = createRandom(rows + headDim);
  const some = (size: number) => Float32Array.from({ length: size }, () => random.normal());
  const size = rows * heads * headDim;
  const out = program.run({ x: some(size), dy: some(size), angles: some((rows * turned) / 2) });
  session.dispose();
  return out;
}

test.each([
  [1, 1, 2, 2],
  [7, 3, 16, 16],
  [9, 2, 32, 12],
  [300, 14, 64, 64],
])('%i rows of %i heads of %i, %i of them turned', (...sizes) => {
  const [fused, composed] = [rotations(...sizes, true), rotations(...sizes, false)];
  for (const [name, values] of Object.entries(composed))
    expect(maxDifference(fused[name as keyof typeof fused], values), name).toBeLessThan(3e-6);
});
