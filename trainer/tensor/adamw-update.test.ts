import type { Tensor } from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { createRandom } from '../random.ts';
import { loadBackend } from './backend.ts';
import { createSession } from './create-session.ts';
import { EagerSession } from './eager-session.ts';
import type { Session } from './session.ts';
import { tf } from './tf.ts';

beforeAll(() => loadBackend({ backend: 'tensorflow' }));

const SETTINGS = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.1 };
const RATE = 0.01;
const SCALE = 0.5;
/** More than one thread takes at a time, and no multiple of what a processor computes at once. */
const SIZE = 20_003;

const f32 = (...shape: number[]) => ({ shape, dtype: 'float32' as const });

/** A weight with its moments, and a program that updates it; `read` says what else the program puts out, before and after the update. */
function trainedWeight(session: Session, read: (weight: Tensor) => Tensor = tf.sum) {
  const [weight, m, v] = ['weight', 'm', 'v'].map((name) => session.variable(name, f32(SIZE))) as [never, never, never];
  const w = weight as ReturnType<Session['variable']>;
  const inputs = { gradient: f32(SIZE), scale: f32(), rate: f32(), c1: f32(), c2: f32() };
  const program = session.program('update', inputs, ({ gradient, scale, rate, c1, c2 }) => {
    const before = read(w.read());
    const corrections = { biasCorrection1: c1, biasCorrection2: c2 };
    w.applyAdamW({ gradient, gradientScale: scale, m, v, learningRate: rate, ...corrections, ...SETTINGS });
    return { before, after: read(w.read()) };
  });
  const random = createRandom(7);
  const start = Float32Array.from({ length: SIZE }, () => random.normal());
  const gradient = Float32Array.from(start, (_, i) => random.normal() * 10 ** -(i % 9));
  w.load(start);
  const step = (t: number) =>
    program.run({
      ...{ gradient, scale: Float32Array.of(SCALE), rate: Float32Array.of(RATE) },
      ...{ c1: Float32Array.of(1 - SETTINGS.beta1 ** t), c2: Float32Array.of(1 - SETTINGS.beta2 ** t) },
    });
  return { weight: w, start, gradient, step };
}

/** torch.optim.AdamW in double precision: the weight after some steps with the same gradient. */
function reference(start: number, gradient: number, steps: number): number {
  const { beta1, beta2, epsilon, weightDecay } = SETTINGS;
  let [weight, m, v] = [start, 0, 0];
  for (let t = 1; t <= steps; t++) {
    const g = gradient * SCALE;
    [m, v] = [beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g * g];
    weight *= 1 - RATE * weightDecay;
    weight -= (RATE * (m / (1 - beta1 ** t))) / (Math.sqrt(v / (1 - beta2 ** t)) + epsilon);
  }
  return weight;
}

const sessions: [string, () => Session][] = [
  ['as one op, where the processor has it', () => createSession()],
  ["of TensorFlow's ops", () => createSession({ kernels: false })],
  ['eagerly', () => new EagerSession()],
];

describe.each(sessions)('AdamW %s', (_how, make) => {
  test('follows the formulas of PyTorch for three steps', () => {
    const session = make();
    const { weight, start, gradient, step } = trainedWeight(session);
    for (const t of [1, 2, 3]) step(t);
    const expected = Array.from(start, (x, i) => reference(x, gradient[i] as number, 3));
    expect(largest(weight.values(), expected)).toBeLessThan(2e-6);
    session.dispose();
  });

  test('what a program reads before an update is what was there before, what it reads after it is new', () => {
    const session = make();
    // Slow enough that an update which did not wait would be seen.
    const slowly = (x: Tensor) => Array.from({ length: 20 }).reduce((sum: Tensor) => tf.sin(sum), x);
    const { weight, start, step } = trainedWeight(session, slowly);
    const expected = (values: ArrayLike<number>) => Array.from(values).map(sin20);
    let previous: ArrayLike<number> = start;
    for (let t = 1; t <= 5; t++) {
      const { before, after } = step(t);
      expect(largest(before as Float32Array, expected(previous))).toBeLessThan(1e-5);
      previous = weight.values();
      expect(largest(after as Float32Array, expected(previous))).toBeLessThan(1e-5);
    }
    session.dispose();
  });

  test('values that the host has read, and those that it has loaded, stay as they were', () => {
    const session = make();
    const { weight, start, step } = trainedWeight(session);
    const loaded = start.slice();
    const first = weight.values();
    const copy = first.slice();
    step(1);
    const second = weight.values();
    const secondCopy = second.slice();
    step(2);
    expect(first).toEqual(copy);
    expect(second).toEqual(secondCopy);
    expect(start).toEqual(loaded);
    // A program declared later makes the session anew, from values that were read.
    session.program('later', {}, () => ({ x: tf.sum(weight.read()) }));
    const third = weight.values().slice();
    step(3);
    expect(largest(third, weight.values())).toBeGreaterThan(1e-4);
    session.dispose();
  });
});

function sin20(x: number): number {
  return Array.from({ length: 20 }).reduce((value: number) => Math.sin(value), x);
}

function largest(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a).toHaveLength(b.length);
  return Array.from(a).reduce((most, x, i) => Math.max(most, Math.abs(x - (b[i] as number))), 0);
}
