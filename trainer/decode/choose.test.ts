import type { Tensor1D, Tensor2D } from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createRandom } from '../random.ts';
import { loadBackend } from '../tensor/backend.ts';
import { createSession } from '../tensor/create-session.ts';
import type { Session } from '../tensor/session.ts';
import { sample } from './choose.ts';

let session: Session;
beforeAll(async () => {
  await loadBackend();
  session = createSession();
});
afterAll(() => session.dispose());

const ROWS = 512;
const TEMPERATURE = 0.7;

function draw(logits: Float32Array, uniforms: Float32Array): number[] {
  const float32 = (...shape: number[]) => ({ shape, dtype: 'float32' }) as const;
  const inputs = { logits: float32(ROWS, logits.length), temperature: float32(1), uniforms: float32(ROWS) };
  const program = session.program(`sample-${logits.length}`, inputs, ({ logits, temperature, uniforms }) => ({
    next: sample(logits as Tensor2D, temperature as Tensor1D, uniforms as Tensor1D),
  }));
  const rows = new Float32Array(ROWS * logits.length);
  for (let row = 0; row < ROWS; row++) rows.set(logits, row * logits.length);
  return [...program.run({ logits: rows, temperature: Float32Array.of(TEMPERATURE), uniforms }).next];
}

test.each([454, 4096])('of %i tokens the one is drawn at which the distribution passes the number', (vocab) => {
  const random = createRandom(vocab);
  // Most tokens can't be drawn, whole groups of them among those.
  const logits = Float32Array.from({ length: vocab }, (_, id) =>
    id % 700 < 300 || random.int(3) > 0 ? -1e9 : 3 * random.normal(),
  );
  const edges = [0, 2 ** -24, 0.5, 1 - 2 ** -24];
  const uniforms = Float32Array.from({ length: ROWS }, (_, row) => edges[row] ?? random.uniform());
  const weights = Array.from(logits, (logit) => Math.exp(logit / TEMPERATURE));
  const sum = weights.reduce((a, b) => a + b, 0);
  for (const [row, id] of draw(logits, uniforms).entries()) {
    const weight = weights[id] as number;
    const before = weights.slice(0, id).reduce((a, b) => a + b, 0);
    const number = (uniforms[row] as number) * sum;
    expect(weight).toBeGreaterThan(0);
    expect(number).toBeGreaterThan(before - 1e-5 * sum);
    expect(number).toBeLessThan(before + weight + 1e-5 * sum);
  }
});
