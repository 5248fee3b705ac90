import { createRandom } from '../trainer/random.ts';
import { loadBackend } from '../trainer/tensor/backend.ts';
import { createSession } from '../trainer/tensor/create-session.ts';
import type { Variable } from '../trainer/tensor/session.ts';
import { tf } from '../trainer/tensor/tf.ts';
import type { Peer } from './peer.ts';

/** FLOP/s of fp32 matrix products at most, through each library. */
export interface ProductRates {
  readonly tensorflow: number;
  readonly pytorch: number;
}

/** What this machine did at most when it was measured. */
export interface Limits extends ProductRates {
  /** Bytes a second, read and written. */
  readonly copy: number;
  readonly triad: number;
}

/** Rows that are multiplied with two weights in turn, [inner, outer] and [outer, inner]. */
const SHAPES: readonly (readonly [rows: number, inner: number, outer: number])[] = [
  [1024, 896, 4864],
  [2048, 2048, 2048],
  [4096, 1024, 4096],
];
const REPETITIONS = 6;

/** Measures products and large copies, through our TensorFlow and through the peer's PyTorch. */
export async function measureLimits(peer: Peer): Promise<Limits> {
  const { copy, triad } = await peer.ask<{ copy: number; triad: number }>('bandwidth', { repetitions: REPETITIONS });
  return { ...(await measureProducts(peer)), copy, triad };
}

/** The products alone. */
export async function measureProducts(peer: Peer): Promise<ProductRates> {
  const request = { shapes: SHAPES, repetitions: REPETITIONS };
  const { flops: pytorch } = await peer.ask<{ flops: number }>('products', request);
  await loadBackend();
  return { tensorflow: Math.max(...SHAPES.map(productRate)), pytorch };
}

/** FLOP/s at which either library multiplied at most. */
export function peakOf(...measured: readonly ProductRates[]): number {
  return Math.max(...measured.flatMap(({ tensorflow, pytorch }) => [tensorflow, pytorch]));
}

/** FLOP/s of two products with weights held as those of a model that is not trained. */
function productRate([rows, inner, outer]: (typeof SHAPES)[number]): number {
  const session = createSession({ kernels: false });
  const weight = (name: string, shape: readonly number[]) =>
    session.variable(name, { shape, dtype: 'float32', held: { linear: true } });
  const x = session.variable('x', { shape: [rows, inner], dtype: 'float32' });
  const [up, down] = [weight('up', [outer, inner]), weight('down', [inner, outer])];
  const linear = (input: ReturnType<Variable['read']>, matrix: Variable) =>
    tf.matMul(input, matrix.read(), false, true);
  const program = session.program('products', {}, () => ({
    // Only one value of the result crosses over to JavaScript: the copy would take its time, too.
    y: tf.slice(linear(linear(x.read(), up), down), [0, 0], [1, 1]),
  }));
  const random = createRandom(1);
  for (const variable of [x, up, down])
    variable.load(
      Float32Array.from({ length: variable.shape.reduce((a, b) => a * b, 1) }, () => random.uniform() - 0.5),
    );
  const times = Array.from({ length: REPETITIONS + 1 }, () => {
    const start = performance.now();
    program.run({});
    return (performance.now() - start) / 1000;
  });
  session.dispose();
  return (4 * rows * inner * outer) / Math.min(...times.slice(1));
}
