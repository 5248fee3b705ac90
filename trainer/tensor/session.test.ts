import { createRequire } from 'node:module';
import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { beforeAll, describe, expect, test } from 'vitest';
import { createRandom } from '../random.ts';
import { packBfloat16, unpackBfloat16 } from './bfloat16.ts';
import { createSession } from './create-session.ts';
import { EagerSession } from './eager-session.ts';
import { findKernels } from './kernels.ts';
import type { NodeBackend } from './node-backend.ts';
import type { Session } from './session.ts';
import { tf } from './tf.ts';

const require = createRequire(import.meta.url);
beforeAll(async () => {
  require('@tensorflow/tfjs-node-gpu');
  await tf.ready();
});

const f32 = (...shape: number[]) => ({ shape, dtype: 'float32' as const });
const i32 = (...shape: number[]) => ({ shape, dtype: 'int32' as const });
const sessions: [string, () => Session][] = [
  ['graph', () => createSession()],
  ['eager', () => new EagerSession()],
];

describe.each(sessions)('%s session', (_name, make) => {
  test('a program computes on feeds, constants and variables', () => {
    const session = make();
    const w = session.variable('w', f32(2, 2));
    const double = session.program('double', { x: f32(2, 2) }, ({ x }) => ({
      y: tf.add(tf.matMul(x as never, w.read() as never), 1),
    }));
    w.load(new Float32Array([2, 0, 0, 2]));
    expect([...double.run({ x: new Float32Array([1, 2, 3, 4]) }).y]).toEqual([3, 5, 7, 9]);
    w.load(new Float32Array([1, 0, 0, 1]));
    expect([...double.run({ x: new Float32Array([1, 2, 3, 4]) }).y]).toEqual([2, 3, 4, 5]);
    session.dispose();
  });

  test('reads and writes of a variable keep the order of the program', () => {
    const session = make();
    const w = session.variable('w', f32(2));
    const step = session.program('step', { x: f32(2) }, ({ x }) => {
      const before = tf.add(w.read(), 0);
      w.assignAdd(x);
      const between = tf.mul(w.read(), 10);
      w.assign(tf.neg(between));
      return { before, between, after: tf.add(w.read(), 0) };
    });
    w.load(new Float32Array([1, 2]));
    const { before, between, after } = step.run({ x: new Float32Array([1, 1]) });
    expect([[...before], [...between], [...after]]).toEqual([
      [1, 2],
      [20, 30],
      [-20, -30],
    ]);
    expect([...w.values()]).toEqual([-20, -30]);
    session.dispose();
  });

  test('updateRows writes rows, as wide as the values are, and later runs see them', () => {
    const session = make();
    const cache = session.variable('cache', f32(4, 2));
    const write = session.program('write', { rows: i32(2), values: f32(2, 2) }, ({ rows, values }) => ({
      sum: tf.sum(cache.updateRows(rows, values), 1),
    }));
    const copyHalf = session.program('copyHalf', { from: i32(1), to: i32(1) }, ({ from, to }) => {
      const halves = tf.reshape(cache.read(), [2, 4]);
      cache.updateRows(to, tf.gather(halves, from as never));
      return {};
    });
    expect([...write.run({ rows: new Int32Array([3, 1]), values: new Float32Array([1, 2, 3, 4]) }).sum]).toEqual([
      0, 7, 0, 3,
    ]);
    expect([...write.run({ rows: new Int32Array([0, 0]), values: new Float32Array([5, 5, 5, 5]) }).sum]).toEqual([
      10, 7, 0, 3,
    ]);
    copyHalf.run({ from: new Int32Array([0]), to: new Int32Array([1]) });
    expect([...cache.values()]).toEqual([5, 5, 3, 4, 5, 5, 3, 4]);
    session.dispose();
  });

  test('variables that start alike stay apart when one is updated in place', () => {
    const session = make();
    const [a, b] = [session.variable('a', f32(2, 2)), session.variable('b', f32(2, 2))];
    const write = session.program('write', { rows: i32(1), values: f32(1, 2) }, ({ rows, values }) => {
      a.updateRows(rows, values);
      return {};
    });
    write.run({ rows: new Int32Array([1]), values: new Float32Array([1, 2]) });
    expect([[...a.values()], [...b.values()]]).toEqual([
      [0, 0, 1, 2],
      [0, 0, 0, 0],
    ]);
    session.dispose();
  });

  test('a program and a variable declared after the first run leave the state as it was', () => {
    const session = make();
    const w = session.variable('w', f32(2));
    const add = session.program('add', { x: f32(2) }, ({ x }) => {
      w.assignAdd(x);
      return {};
    });
    add.run({ x: new Float32Array([1, 2]) });
    const other = session.variable('other', f32(1));
    const read = session.program('read', {}, () => ({ y: tf.add(w.read(), other.read()) }));
    expect([...read.run({}).y]).toEqual([1, 2]);
    add.run({ x: new Float32Array([1, 2]) });
    expect([...w.values()]).toEqual([2, 4]);
    session.dispose();
  });

  test('gradients of a program are those of the function', () => {
    const session = make();
    const w = session.variable('w', f32(2, 1));
    const grad = session.program('grad', { x: f32(3, 2) }, ({ x }) => {
      const [dw] = tf.grads((v) => tf.sum(tf.square(tf.matMul(x as never, v as never))))([w.read()]);
      return { dw: dw as never };
    });
    w.load(new Float32Array([1, -1]));
    expect([...grad.run({ x: new Float32Array([1, 2, 3, 4, 5, 6]) }).dw]).toEqual([-18, -24]);
    session.dispose();
  });
});

test('a tensor read before an in-place update cannot be used after it', () => {
  const session = createSession();
  const cache = session.variable('cache', f32(2, 2));
  expect(() =>
    session.program('bad', { rows: i32(1), values: f32(1, 2) }, ({ rows, values }) => {
      const stale = cache.read();
      cache.updateRows(rows, values);
      return { y: tf.add(stale, 1) };
    }),
  ).toThrow(/read the variable again|before its variable was updated/);
  session.dispose();
});

// Memory that TensorFlow shared with JavaScript would be given back by the thread that overwrites the variable, and Node may then crash.
test('what was loaded is copied: TensorFlow holds on to no array', async () => {
  const session = createSession();
  // Many: by itself TensorFlow would take the memory of those that happen to lie at a multiple of 64 bytes.
  const loaded = Array.from({ length: 256 }, (_, index) => {
    const values = new Float32Array(32).fill(index);
    session.variable(`v${index}`, f32(32)).load(values);
    return new WeakRef(values);
  });
  await setImmediate();
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
  expect(loaded.filter((values) => values.deref() !== undefined)).toHaveLength(0);
  session.dispose();
});

test('bf16 changes matrix products only', () => {
  const session = createSession({ precision: 'bf16' });
  const program = session.program('p', { x: f32(1, 1) }, ({ x }) => ({
    product: tf.matMul(x as never, x as never),
    sum: tf.add(x, x),
  }));
  const x = 1.00390625 + 2 ** -10;
  const { product, sum } = program.run({ x: new Float32Array([x]) });
  expect(sum[0]).toBe(2 * x);
  expect(product[0]).not.toBe(x * x);
  expect(product[0]).toBeCloseTo(x * x, 1);
  session.dispose();
});

test('variables that need more than one load each get their own values, also through a new program', () => {
  const session = createSession();
  const sizes = [2 ** 24 + 5, 3, 2 ** 23, 7, 2 ** 24 - 1];
  const variables = sizes.map((size, i) => session.variable(`w${i}`, f32(size)));
  const program = (name: string) =>
    session.program(name, { x: f32(1) }, ({ x }) =>
      Object.fromEntries(variables.map((w, i) => [`mean${i}`, tf.add(tf.mean(w.read()), tf.sum(x))])),
    );
  const means = (name: string) =>
    Object.values(program(name).run({ x: new Float32Array([0.5]) })).map(([mean]) => mean);
  for (const [i, w] of variables.entries()) w.load(new Float32Array(w.shape[0] as number).fill(i + 1));
  expect(means('first')).toEqual([1.5, 2.5, 3.5, 4.5, 5.5]);
  expect(means('second')).toEqual([1.5, 2.5, 3.5, 4.5, 5.5]);
  variables[2]?.load(new Float32Array(2 ** 23).fill(9));
  expect(means('third')).toEqual([1.5, 2.5, 9.5, 4.5, 5.5]);
  session.dispose();
});

describe.each([
  ['in fp32', 'fp32', 1e-6],
  ['in bf16', 'bf16', 2 ** -6],
] as const)('variables that are held in another form, %s', (_name, precision, tolerance) => {
  const values = Float32Array.from({ length: 12 }, (_, i) => (i - 5) / 4);
  const x = Float32Array.of(1, 2, -1, 0.5);
  const held = [
    { linear: true },
    { linear: true, lookedUp: true },
    { bfloat16: true },
    { linear: true, bfloat16: true },
    { linear: true, lookedUp: true, bfloat16: true },
  ];

  test.each(held)('%j: reads as it was loaded, and takes part in products, gathers and sums as such', (form) => {
    const session = createSession({ precision });
    const [plain, other] = [
      session.variable('plain', f32(3, 4)),
      session.variable('other', { ...f32(3, 4), held: form }),
    ];
    const program = (name: string) =>
      session.program(name, { x: f32(1, 4), y: f32(1, 3), rows: i32(2) }, ({ x, y, rows }) =>
        Object.fromEntries(
          [plain, other].flatMap((w, i) => [
            [`linear${i}`, tf.matMul(x as never, w.read() as never, false, true)],
            [`product${i}`, tf.matMul(y as never, w.read() as never)],
            [`gathered${i}`, tf.gather(w.read(), rows as never)],
            [`gathered columns${i}`, tf.gather(w.read(), rows as never, 1)],
            [`sum${i}`, tf.sum(w.read(), 1)],
          ]),
        ),
      );
    const check = (name: string) => {
      const out = program(name).run({ x, y: x.subarray(0, 3), rows: Int32Array.of(2, 0) });
      for (const what of ['linear', 'product', 'gathered', 'gathered columns', 'sum'])
        for (const [i, value] of (out[`${what}0`] ?? []).entries())
          expect(Math.abs((out[`${what}1`]?.[i] ?? Number.NaN) - value), what).toBeLessThan(tolerance * 8);
    };
    for (const w of [plain, other]) w.load(values);
    check('first');
    expect(other.values()).toEqual(values);
    check('after a reload');
    expect(other.values()).toEqual(values);
    session.dispose();
  });
});

test('in bf16 a linear layer multiplies rounded factors and sums in floats; with a weight that is held rounded on a processor without units for that, the other one as it is', () => {
  const session = createSession({ precision: 'bf16' });
  const units = findKernels(tf.backend() as NodeBackend)?.bfloat16Units;
  if (units === undefined) return;
  const [rows, depth, columns] = [19, 150, 101];
  const random = createRandom(1);
  const draw = (size: number) => Float32Array.from({ length: size }, () => random.uniform() - 0.5);
  const [x, weight] = [draw(rows * depth), draw(columns * depth)];
  const forms = [undefined, { linear: true, bfloat16: true }];
  const variables = forms.map((held, i) => session.variable(`w${i}`, { ...f32(columns, depth), held }));
  for (const w of variables) w.load(weight);
  const program = session.program('p', { x: f32(rows, depth) }, ({ x }) =>
    Object.fromEntries(variables.map((w, i) => [`y${i}`, tf.matMul(x as never, w.read() as never, false, true)])),
  );
  const products = program.run({ x });
  const round = (values: Float32Array) => unpackBfloat16(packBfloat16(values));
  const productOf = (a: Float32Array, b: Float32Array) =>
    Float32Array.from({ length: rows * columns }, (_, at) => {
      const [row, column] = [Math.floor(at / columns) * depth, (at % columns) * depth];
      let sum = 0;
      for (let k = 0; k < depth; k++) sum += (a[row + k] as number) * (b[column + k] as number);
      return sum;
    });
  const distance = (a: Float32Array | undefined, b: Float32Array) =>
    b.reduce((most, value, at) => Math.max(most, Math.abs((a?.[at] ?? Number.NaN) - value)), 0);
  const [rounded, held] = [productOf(round(x), round(weight)), productOf(units ? round(x) : x, round(weight))];
  expect(distance(productOf(x, round(weight)), rounded)).toBeGreaterThan(1e-3);
  expect(distance(products.y0 as Float32Array, rounded)).toBeLessThan(1e-5);
  expect(distance(products.y1 as Float32Array, held)).toBeLessThan(1e-5);
  session.dispose();
});

test('a row that a held weight does not have is refused, as elsewhere', () => {
  for (const kernels of [true, false]) {
    const session = createSession({ kernels });
    const table = session.variable('table', { ...f32(50, 4), held: { linear: true, lookedUp: true } });
    table.load(new Float32Array(200).fill(1));
    const look = session.program('look', { rows: i32(2) }, ({ rows }) => ({
      out: tf.gather(table.read(), rows as never),
    }));
    expect(look.run({ rows: Int32Array.of(0, 49) }).out).toEqual(new Float32Array(8).fill(1));
    for (const wrong of [50, -1]) expect(() => look.run({ rows: Int32Array.of(0, wrong) })).toThrow(String(wrong));
    session.dispose();
  }
});

test('an odd number of values is held as it is; what is held in another form cannot be written', () => {
  const session = createSession();
  const odd = session.variable('odd', { ...f32(3), held: { bfloat16: true } });
  odd.load(Float32Array.of(0.1, 0.2, 0.3));
  expect(odd.values()).toEqual(Float32Array.of(0.1, 0.2, 0.3));
  const even = session.variable('even', { ...f32(2), held: { bfloat16: true } });
  const write = () => {
    even.assign(tf.zeros([2]));
    return {};
  };
  expect(() => session.program('bad', {}, write)).toThrow(/cannot be written/);
  session.dispose();
});
