import { beforeAll, expect, test } from 'vitest';
import { loadBackend } from './backend.ts';
import { createSession } from './create-session.ts';
import { type NodeBackend, nodeBackend } from './node-backend.ts';
import { outputShape } from './output-shape.ts';
import { tf } from './tf.ts';

beforeAll(async () => {
  await loadBackend();
});

test('the shapes that are known without execution are those that TensorFlow puts out', () => {
  const backend = nodeBackend() as NodeBackend;
  const single = backend.executeSingleOutput;
  const known = new Set<string>();
  backend.executeSingleOutput = (op, attributes, inputs) => {
    const output = single.call(backend, op, attributes, inputs);
    const shape = outputShape(op, attributes, inputs);
    if (shape !== undefined) expect(shape, op).toEqual(output.shape);
    if (shape !== undefined) known.add(op);
    return output;
  };
  try {
    tf.tidy(() => {
      const x = tf.ones([2, 1, 3, 4]);
      const y = tf.ones([5, 3, 4]);
      const row = tf.ones([4]);
      for (const op of [tf.add, tf.sub, tf.mul, tf.div, tf.maximum, tf.minimum])
        for (const [a, b] of [[x, y] as const, [y, x] as const, [x, row] as const, [tf.scalar(2), x] as const])
          op(a, b);
      for (const op of [tf.square, tf.sqrt, tf.rsqrt, tf.exp, tf.neg, tf.sigmoid]) op(x);
      tf.softmax(x);
      tf.matMul(x, y, false, true);
      tf.matMul(x, y, true, false);
      tf.matMul(tf.ones([3, 4]), tf.ones([2, 3]), true, true);
    });
  } finally {
    backend.executeSingleOutput = single;
  }
  expect(known.size).toBe(14);
});

test('recording a program takes no memory for what it computes, whatever the sizes', () => {
  const session = createSession();
  const x = { x: { shape: [4093, 4096], dtype: 'float32' } } as const;
  const before = process.resourceUsage().maxRSS;
  session.program('forty times 64 MiB', x, ({ x }) => {
    let y = x;
    for (let i = 0; i < 10; i++) y = tf.concat(tf.split(tf.mul(tf.softmax(y), x), 2, 1).toReversed(), 1);
    return { y: tf.sum(y) };
  });
  expect((process.resourceUsage().maxRSS - before) / 1024).toBeLessThan(640);
  session.dispose();
});
