import type { Tensor1D } from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { loadBackend } from '../tensor/backend.ts';
import { createSession } from '../tensor/create-session.ts';
import { tf } from '../tensor/tf.ts';
import { dropout } from './dropout.ts';

describe.each(['tensorflow', 'wasm'] as const)('on %s', (backend) => {
  beforeAll(async () => {
    await loadBackend({ backend });
  });

  const draw = (rate: number) => {
    const session = createSession();
    const program = session.program('drop', { seed: { shape: [2], dtype: 'int32' } }, ({ seed }) => ({
      y: dropout(tf.ones([50, 80]), rate, seed as Tensor1D),
    }));
    return (a: number, b: number) => [...program.run({ seed: Int32Array.of(a, b) }).y];
  };

  test('the share of zeros is the rate, and the mean is kept', () => {
    const values = draw(0.25)(1, 2);
    const zeros = values.filter((value) => value === 0).length / values.length;
    expect(Math.abs(zeros - 0.25)).toBeLessThan(0.03);
    for (const value of values) if (value !== 0) expect(value).toBeCloseTo(4 / 3, 6);
  });

  test('the seed alone decides which: each run of a compiled program draws anew', () => {
    const drop = draw(0.5);
    const first = drop(1, 2);
    expect(drop(1, 2)).toEqual(first);
    expect(drop(1, 3)).not.toEqual(first);
    expect(drop(2, 2)).not.toEqual(first);
  });

  test('the gradient passes through what was kept', () => {
    const seed = tf.tensor1d([1, 2], 'int32');
    const x = tf.ones([40]);
    const gradient = tf
      .grad((x) => tf.sum(dropout(x, 0.5, seed)))(x)
      .dataSync();
    expect([...gradient]).toEqual([...dropout(x, 0.5, seed).dataSync()]);
  });
});
