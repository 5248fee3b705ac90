import type { Tensor2D } from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createRandom } from '../random.ts';
import { loadBackend } from '../tensor/backend.ts';
import { createSession } from '../tensor/create-session.ts';
import type { Session } from '../tensor/session.ts';
import { topK } from './top-k.ts';

let session: Session;
beforeAll(async () => {
  await loadBackend();
  session = createSession();
});
afterAll(() => session.dispose());

const ROWS = 5;

function found(name: string, rows: readonly Float32Array[], k: number) {
  const entries = rows[0]?.length ?? 0;
  const program = session.program(name, { x: { shape: [ROWS, entries], dtype: 'float32' } }, ({ x }) => ({
    ...topK(x as Tensor2D, k),
  }));
  const x = new Float32Array(ROWS * entries);
  for (const [r, row] of rows.entries()) x.set(row, r * entries);
  const { values, indices } = program.run({ x });
  return rows.map((_, r) =>
    Array.from({ length: k }, (_, i) => ({ id: indices?.[r * k + i], value: values?.[r * k + i] })),
  );
}

const expected = (row: Float32Array, k: number) =>
  Array.from(row, (value, id) => ({ id, value }))
    .sort((a, b) => b.value - a.value || a.id - b.id)
    .slice(0, k);

test.each([
  ['a small vocabulary', 454, 2],
  ['one that no group divides', 4099, 4],
  ['a large one', 4096, 2],
  ['a large one, several wanted', 32_000, 4],
])('%s: the largest first, of equals the lower index', (name, entries, k) => {
  const random = createRandom(entries);
  const distinct = () => Float32Array.from({ length: entries }, () => random.uniform() - 0.5);
  const equals = (kinds: number) => Float32Array.from({ length: entries }, () => random.int(kinds));
  const rows = [distinct(), distinct(), equals(3), equals(entries), new Float32Array(entries).fill(-1)];
  expect(found(name, rows, k)).toEqual(rows.map((row) => expected(row, k)));
});
