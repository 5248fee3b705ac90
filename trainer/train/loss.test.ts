import type { Tensor1D, Tensor2D } from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { createRandom } from '../random.ts';
import { loadBackend } from '../tensor/backend.ts';
import { tf } from '../tensor/tf.ts';
import { rowStatistics, weightedCrossEntropy } from './loss.ts';

const random = createRandom(5);
const [ROWS, VOCAB] = [7, 11];
const logits = Array.from({ length: ROWS }, () => Array.from({ length: VOCAB }, () => 4 * random.normal()));
const targets = Array.from({ length: ROWS }, () => random.int(VOCAB));
const weights = [0.5, 0, 1, 0.25, 0, 2, 1];

/** The definition, in double precision. */
const probabilities = logits.map((row) => {
  const exponentials = row.map(Math.exp);
  const total = exponentials.reduce((a, b) => a + b, 0);
  return exponentials.map((value) => value / total);
});
const nll = probabilities.map((row, index) => -Math.log(row[targets[index] ?? 0] ?? 0));
const loss = nll.reduce((sum, value, index) => sum + value * (weights[index] ?? 0), 0);
const gradient = probabilities.map((row, index) =>
  row.map((p, token) => (weights[index] ?? 0) * (p - (token === targets[index] ? 1 : 0))),
);

const close = (actual: ArrayLike<number>, expected: readonly number[]) => {
  expect(actual.length).toBe(expected.length);
  for (const [index, value] of expected.entries()) expect(actual[index]).toBeCloseTo(value, 5);
};

describe.each(['tensorflow', 'wasm'] as const)('on %s', (backend) => {
  beforeAll(async () => {
    await loadBackend({ backend });
  });

  test('loss and gradient are those of the definition, scaled by what comes from above', () => {
    const inputs = () => [tf.tensor1d(targets, 'int32'), tf.tensor1d(weights)] as [Tensor1D, Tensor1D];
    const { value, grad } = tf.valueAndGrad((x) => tf.mul(3, weightedCrossEntropy(x as Tensor2D, ...inputs())))(
      tf.tensor2d(logits),
    );
    close(value.dataSync(), [3 * loss]);
    close(
      grad.dataSync(),
      gradient.flat().map((entry) => 3 * entry),
    );
  });

  test('rows without weight, and padding of them, have no part in it', () => {
    const padded = tf.tensor2d([...logits, ...logits.map((row) => row.map(() => 0))]);
    const value = weightedCrossEntropy(
      padded,
      tf.tensor1d([...targets, ...targets.map(() => 0)], 'int32'),
      tf.tensor1d([...weights, ...weights.map(() => 0)]),
    );
    close(value.dataSync(), [loss]);
  });

  test('statistics tell negative log-likelihood and entropy of each row in nats', () => {
    const statistics = rowStatistics(tf.tensor2d(logits), tf.tensor1d(targets, 'int32'));
    close(statistics.nll.dataSync(), nll);
    close(
      statistics.entropy.dataSync(),
      probabilities.map((row) => -row.reduce((sum, p) => sum + p * Math.log(p), 0)),
    );
  });

  test('logits far apart overflow nothing', () => {
    const extreme = tf.tensor2d([[1000, -1000, 0]]);
    const value = weightedCrossEntropy(extreme, tf.tensor1d([1], 'int32'), tf.tensor1d([1]));
    close(value.dataSync(), [2000]);
    close(rowStatistics(extreme, tf.tensor1d([0], 'int32')).entropy.dataSync(), [0]);
  });
});
