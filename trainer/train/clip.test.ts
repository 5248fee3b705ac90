import { beforeAll, expect, test } from 'vitest';
import { loadBackend } from '../tensor/backend.ts';
import { tf } from '../tensor/tf.ts';
import { clipByGlobalNorm } from './clip.ts';

beforeAll(async () => {
  await loadBackend();
});

const gradients = () => [tf.tensor1d([3, 0]), tf.tensor2d([[0, 4]])];

test('gradients longer than the limit are scaled to it together, by the coefficient of PyTorch', () => {
  const { norm, clipped } = clipByGlobalNorm(gradients(), 1);
  expect(norm.dataSync()[0]).toBe(5);
  expect(clipped[0]?.dataSync()[0]).toBeCloseTo(3 / (5 + 1e-6), 7);
  expect(clipped[1]?.dataSync()[1]).toBeCloseTo(4 / (5 + 1e-6), 7);
});

test('shorter ones stay as they are, and without a limit all do', () => {
  for (const limit of [6, undefined])
    expect(clipByGlobalNorm(gradients(), limit).clipped.map((gradient) => [...gradient.dataSync()])).toEqual([
      [3, 0],
      [0, 4],
    ]);
});

test('a zero gradient stays zero', () => {
  const { norm, clipped } = clipByGlobalNorm([tf.zeros([3])], 1);
  expect([norm.dataSync()[0], ...(clipped[0]?.dataSync() ?? [])]).toEqual([0, 0, 0, 0]);
});
