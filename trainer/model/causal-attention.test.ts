import type { Scalar, Tensor, Tensor1D, Tensor3D } from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { createRandom } from '../random.ts';
import { loadBackend } from '../tensor/backend.ts';
import { createSession } from '../tensor/create-session.ts';
import { EagerSession } from '../tensor/eager-session.ts';
import { tf } from '../tensor/tf.ts';
import { causalAttention } from './causal-attention.ts';
import { parseConfig } from './config.ts';
import { maxDifference } from './testing.ts';

const [HEADS, KV_HEADS, HEAD_DIM] = [4, 2, 8];

const configOf = (window?: number) =>
  parseConfig(
    {
      ...{ architectures: ['MistralForCausalLM'], model_type: 'mistral', vocab_size: 8, intermediate_size: 8 },
      ...{ hidden_size: HEADS * HEAD_DIM, num_hidden_layers: 1, num_attention_heads: HEADS },
      ...{ num_key_value_heads: KV_HEADS, sliding_window: window ?? null },
    },
    'config.json',
  );

/** The definition: all scores at once, those that do not count far below the others. `sees` is [batch, 1, time, time]. */
function defined([q, k, v]: readonly Tensor[], sees: Tensor, batch: number): Tensor {
  const byHead = (x: Tensor, heads: number) => tf.transpose(tf.reshape(x, [batch, -1, heads, HEAD_DIM]), [0, 2, 1, 3]);
  const group = tf.ones([1, 1, HEADS / KV_HEADS, 1, 1]);
  const repeated = (x: Tensor) =>
    tf.reshape(tf.mul(tf.reshape(byHead(x, KV_HEADS), [batch, KV_HEADS, 1, -1, HEAD_DIM]), group), [
      ...[batch, HEADS, -1, HEAD_DIM],
    ]);
  const scores = tf.mul(tf.matMul(byHead(q as Tensor, HEADS), repeated(k as Tensor), false, true), HEAD_DIM ** -0.5);
  const weights = tf.softmax(tf.add(scores, tf.mul(tf.sub(sees, 1), 1e9)));
  const mixed = tf.matMul(weights, repeated(v as Tensor));
  return tf.reshape(tf.transpose(mixed, [0, 2, 1, 3]), [-1, HEADS * HEAD_DIM]);
}

interface Case {
  readonly name: string;
  readonly batch: number;
  readonly time: number;
  readonly window?: number;
  /** Sequences of each row, by their lengths. */
  readonly lengths?: readonly (readonly number[])[];
}

const CASES: readonly Case[] = [
  { name: 'one block', batch: 2, time: 40 },
  { name: 'several blocks', batch: 2, time: 530 },
  { name: 'several blocks, with a window', batch: 1, time: 600, window: 70 },
  {
    name: 'several blocks, with several sequences in a row',
    batch: 2,
    time: 530,
    lengths: [
      [200, 330],
      [17, 300, 1, 212],
    ],
  },
];

describe.each([['compiled', createSession] as const, ['eager', () => new EagerSession()] as const])(
  '%s',
  (_how, create) => {
    beforeAll(async () => {
      await loadBackend();
    });

    test.each(CASES)('output and gradients are those of the definition: $name', ({ batch, time, window, lengths }) => {
      const random = createRandom(4);
      const floats = (count: number) => Float32Array.from({ length: count }, () => random.normal());
      const rows = batch * time;
      const feeds = {
        q: floats(rows * HEADS * HEAD_DIM),
        k: floats(rows * KV_HEADS * HEAD_DIM),
        v: floats(rows * KV_HEADS * HEAD_DIM),
        dy: floats(rows * HEADS * HEAD_DIM),
      };
      const places = Array.from({ length: batch }, (_, row) =>
        (lengths?.[row] ?? [time]).flatMap((length, sequence) =>
          Array.from({ length }, (_, position) => ({ sequence, position })),
        ),
      );
      const sees = places.map((row) => [
        row.map((query) =>
          row.map(({ sequence, position }) => {
            const distance = query.position - position;
            return sequence === query.sequence && distance >= 0 && distance < (window ?? time) ? 1 : 0;
          }),
        ),
      ]);
      const positions = Int32Array.from(places.flat(), ({ position }) => position);
      const spec = (heads: number) => ({ shape: [rows, heads, HEAD_DIM], dtype: 'float32' }) as const;
      const inputs = { q: spec(HEADS), k: spec(KV_HEADS), v: spec(KV_HEADS), dy: spec(HEADS) };
      const run = (attention: (qkv: readonly Tensor[]) => Tensor) => {
        const session = create();
        const program = session.program('attention', inputs, ({ q, k, v, dy }) => {
          const loss = (...qkv: Tensor[]) => tf.sum(tf.mul(attention(qkv), tf.reshape(dy, [rows, -1]))) as Scalar;
          const [dq, dk, dv] = tf.grads(loss)([q, k, v]) as [Tensor, Tensor, Tensor];
          return { value: attention([q, k, v]), dq, dk, dv };
        });
        const outputs = program.run(feeds);
        session.dispose();
        return outputs;
      };
      const actual = run(([q, k, v]) => {
        const packed = lengths && (tf.tensor1d(positions, 'int32') as Tensor1D);
        return causalAttention(configOf(window), batch, time, packed)(0, q as Tensor3D, k as Tensor3D, v as Tensor3D);
      });
      const wanted = run((qkv) => defined(qkv, tf.tensor(sees), batch));
      for (const [name, values] of Object.entries(wanted))
        expect(maxDifference(actual[name as keyof typeof actual], values), name).toBeLessThan(2e-5);
    });
  },
);
