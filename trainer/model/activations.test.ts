import type { Tensor2D } from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { loadBackend } from '../tensor/backend.ts';
import { createSession } from '../tensor/create-session.ts';
import { EagerSession } from '../tensor/eager-session.ts';
import { tf } from '../tensor/tf.ts';
import type { Activation } from './activation-config.ts';
import { gated } from './activations.ts';

beforeAll(() => loadBackend());

const X = [-6, -1.5, -0.25, 0, 0.5, 3];
/** What PyTorch computes of X in fp64 for the functions that transformers has under these names, and their derivatives. */
const PYTORCH: readonly [Activation, number[], number[]][] = [
  [
    'silu',
    [-0.01483574, -0.2736383, -0.1094559, 0, 0.3112297, 2.857722],
    [-0.01232643, -0.04129415, 0.37629, 0.5, 0.7399612, 1.088104],
  ],
  [
    'gelu',
    [-5.919526e-9, -0.1002108, -0.1003234, 0, 0.3457312, 2.99595],
    [-3.546871e-8, -0.1274692, 0.3046266, 0.5, 0.8674951, 1.011946],
  ],
  [
    'gelu-tanh',
    [-8.439649e-11, -0.1004284, -0.1003246, 0, 0.345714, 2.996363],
    [-7.709976e-10, -0.1277108, 0.3046459, 0.5, 0.8673699, 1.011584],
  ],
  ['relu', [0, 0, 0, 0, 0.5, 3], [0, 0, 0, 0, 1, 1]],
];

describe.each([
  ['compiled', () => createSession()],
  ['eager', () => new EagerSession()],
])('%s', (_, create) => {
  test.each(PYTORCH)('%s and its gradients are those of PyTorch', (activation, values, slopes) => {
    const session = create();
    const row = { shape: [1, X.length], dtype: 'float32' as const };
    const program = session.program('gated', { gate: row, up: row }, ({ gate, up }) => {
      const product = (gate: Tensor2D, up: Tensor2D) => gated(activation, gate, up);
      const [byGate, byUp] = tf.grads((gate, up) => product(gate as Tensor2D, up as Tensor2D))([gate, up]) as [
        Tensor2D,
        Tensor2D,
      ];
      return { value: product(gate as Tensor2D, up as Tensor2D), byGate, byUp };
    });
    const up = X.map((_, i) => 2 - i / 4);
    const { value, byGate, byUp } = program.run({ gate: Float32Array.from(X), up: Float32Array.from(up) });
    const close = (found: ArrayLike<number> | undefined, expected: readonly number[]) =>
      expect(Math.max(...expected.map((y, i) => Math.abs(y - (found?.[i] ?? Number.NaN))))).toBeLessThan(1e-6);
    close(
      value,
      values.map((y, i) => y * (up[i] as number)),
    );
    close(
      byGate,
      slopes.map((y, i) => y * (up[i] as number)),
    );
    close(byUp, values);
    session.dispose();
  });
});
