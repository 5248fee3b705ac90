import type { Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { createRandom } from '../random.ts';
import { loadBackend } from '../tensor/backend.ts';
import { createSession } from '../tensor/create-session.ts';
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

/** Loss, its gradient and the logits themselves, as a program computes them. */
function inProgram(kernels: boolean, rows: number, vocab: number, farApart: number): Record<string, ArrayLike<number>> {
  const session = createSession({ kernels });
  const f32 = (...shape: number[]) => ({ shape, dtype: 'float32' as const });
  const inputs = { x: f32(rows, vocab), targets: { shape: [rows], dtype: 'int32' as const }, weights: f32(rows) };
  const program = session.program('loss', inputs, (tensors) => {
    const { x, targets, weights } = tensors as { x: Tensor2D; targets: Tensor1D; weights: Tensor1D };
    // Logits that nothing else reads, so that their memory may be written, and others.
    const own = (x: Tensor) => weightedCrossEntropy(tf.mul(tf.sin(x as Tensor2D), farApart), targets, weights);
    const { value, grad } = tf.valueAndGrad(own)(x);
    const shared = tf.mul(tf.cos(x), farApart) as Tensor2D;
    const gradient = tf.grad((logits) => weightedCrossEntropy(logits as Tensor2D, targets, weights))(shared);
    return { value, grad, gradient, logits: tf.add(shared, 1) };
  });
  const random = createRandom(rows + vocab);
  const out = program.run({
    x: Float32Array.from({ length: rows * vocab }, () => 3 * random.normal()),
    targets: Int32Array.from({ length: rows }, () => random.int(vocab)),
    weights: Float32Array.from({ length: rows }, (_, row) => (row % 3 === 2 ? 0 : random.uniform())),
  });
  session.dispose();
  return out;
}

test.each([
  [1, 1, 1],
  [5, 16, 3],
  [9, 37, 3],
  [40, 1111, 30],
  [3, 32_000, 3],
  [4, 100, 1000],
])('in a program: %i rows of %i, up to %i apart', async (rows, vocab, farApart) => {
  await loadBackend({ backend: 'tensorflow' });
  const [fused, composed] = [true, false].map((kernels) => inProgram(kernels, rows, vocab, farApart));
  for (const [name, values] of Object.entries(composed ?? {})) {
    const scale = Array.from(values).reduce((most, x) => Math.max(most, Math.abs(x)), 1);
    const apart = Array.from(values, (x, i) => Math.abs(x - (fused?.[name]?.[i] ?? Number.NaN)) / scale);
    expect(
      apart.reduce((most, x) => Math.max(most, x), 0),
      name,
    ).toBeLessThan(3e-6);
  }
});
