import type { Tensor } from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { createRandom } from '../random.ts';
import { loadBackend } from '../tensor/backend.ts';
import { createSession } from '../tensor/create-session.ts';
import { tf } from '../tensor/tf.ts';
import { globalClipping } from './clip.ts';

beforeAll(async () => {
  await loadBackend();
});

const gradients = () => [tf.tensor1d([3, 0]), tf.tensor2d([[0, 4]])];

/** Norm and scale of the gradients as a program computes them, with ops of trainer/kernels where they are at hand, and eagerly. */
const clippings = (gradients: () => Tensor[], maxNorm: number | undefined) => {
  const session = createSession();
  const program = session.program('clipping', {}, () => globalClipping(gradients(), maxNorm));
  const compiled = program.run({});
  session.dispose();
  const { norm, scale } = globalClipping(gradients(), maxNorm);
  return [compiled, { norm: norm.dataSync(), scale: scale.dataSync() }].map(({ norm, scale }) => ({
    norm: norm[0],
    scale: scale[0],
  }));
};

test('gradients longer than the limit are scaled to it together, by the coefficient of PyTorch', () => {
  for (const { norm, scale } of clippings(gradients, 1)) {
    expect(norm).toBe(5);
    expect(scale).toBeCloseTo(1 / (5 + 1e-6), 7);
  }
});

test('shorter ones stay as they are, and without a limit all do', () => {
  for (const { scale } of clippings(gradients, 6)) expect(scale).toBe(1);
  for (const { norm, scale } of clippings(gradients, undefined)) expect([norm, scale]).toEqual([5, 1]);
});

test('a zero gradient stays zero', () => {
  for (const { norm, scale } of clippings(() => [tf.zeros([3])], 1)) expect([norm, scale]).toEqual([0, 1]);
});

test('the norm of a million values is that of the definition', () => {
  const random = createRandom(1);
  const values = Float32Array.from({ length: 2 ** 20 + 37 }, () => random.normal() * 1e-3);
  const expected = Math.sqrt(values.reduce((sum, x) => sum + x * x, 0));
  for (const { norm } of clippings(() => [tf.tensor1d(values)], 1)) expect(norm).toBeCloseTo(expected, 5);
});
