/** Norms and gates as ops of trainer/kernels: values and gradients are those of TensorFlow's ops. */
import type { Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { createRandom } from '../random.ts';
import { loadBackend } from '../tensor/backend.ts';
import { createSession } from '../tensor/create-session.ts';
import { tf } from '../tensor/tf.ts';
import { gated } from './activations.ts';
import { rmsNorm } from './decoder.ts';

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
