import type { Tensor1D } from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { loadBackend } from '../tensor/backend.ts';
import { createSession } from '../tensor/create-session.ts';
import { EagerSession } from '../tensor/eager-session.ts';
import type { Session } from '../tensor/session.ts';
import { causalAttention } from './causal-attention.ts';
import { decoderHidden, decoderParts, gatherRows, lmHead } from './decoder.ts';
import { type LoadedModel, loadModel } from './load.ts';
import {
  FAMILY_FIXTURES,
  fixtureDir,
  logitsOf,
  lossAndGradients,
  maxDifference,
  readExpected,
  readInputs,
} from './testing.ts';

beforeAll(() => loadBackend({ backend: 'tensorflow' }));

const FIXTURES = [...FAMILY_FIXTURES, 'untied-mha-theta1e6', 'sharded-gqa4', 'bfloat16-headdim8', 'float16'];
const sessions: [string, () => Session][] = [
  ['compiled', () => createSession()],
  ['eager', () => new EagerSession()],
];

describe.each(sessions)('%s', (_how, create) => {
  test.each(FIXTURES)('logits are those of transformers: %s', async (name) => {
    const dir = fixtureDir(name);
    const expected = (await readExpected(dir)).get('logits') ?? [];
    expect(maxDifference(await logitsOf(create, dir, await readInputs(dir)), expected)).toBeLessThan(1e-5);
  });

  test.each(FAMILY_FIXTURES)('the gradient of every weight is that of PyTorch: %s', async (name) => {
    const dir = fixtureDir(name);
    const expected = await readExpected(dir);
    const session = create();
    const model = await loadModel(session, dir);
    const { loss, ...gradients } = lossAndGradients(session, model, await readInputs(dir));
    expect(maxDifference(loss ?? [], expected.get('loss') ?? [])).toBeLessThan(1e-5);
    expect(Object.keys(gradients).sort()).toEqual([...model.variables.keys()].sort());
    for (const [name, gradient] of Object.entries(gradients)) {
      const reference = expected.get(`grad.${name}`) ?? [];
      const scale = Math.max(...Array.from(reference, Math.abs));
      expect(maxDifference(gradient, reference), name).toBeLessThan(1e-5 * Math.max(1, scale));
      expect(scale, name).toBeGreaterThan(1e-5);
    }
    session.dispose();
  });
});

test.each(FAMILY_FIXTURES)(
  'a last layer that puts out some rows gives them as one that puts out all: %s',
  async (name) => {
    const session = createSession();
    const { config, parameters } = await loadModel(session, fixtureDir(name));
    const { batch, time, ids } = await readInputs(fixtureDir(name));
    const all = { shape: [batch * time], dtype: 'int32' as const };
    const inputs = { ids: all, positions: all, wanted: { shape: [4], dtype: 'int32' as const } };
    const program = session.program('hidden', inputs, (tensors) => {
      const { ids, positions, wanted } = tensors as Record<keyof typeof inputs, Tensor1D>;
      const hiddenOf = (rows?: Tensor1D) => {
        const parts = decoderParts(config, ids, positions, causalAttention(config, batch, time), rows);
        return parts.layers.reduce((hidden, layer) => layer(parameters, hidden), parts.embed(parameters));
      };
      return { some: hiddenOf(wanted), expected: gatherRows(hiddenOf(), wanted) };
    });
    const positions = Int32Array.from(ids, (_, row) => row % time);
    const wanted = Int32Array.of(batch * time - 1, 3, 0, 3);
    const { some, expected } = program.run({ ids: Int32Array.from(ids), positions, wanted });
    expect(some).toHaveLength(4 * config.hiddenSize);
    expect(maxDifference(some, expected)).toBeLessThan(1e-5);
    session.dispose();
  },
);

describe('causalAttention', () => {
  test('what follows a token, padding too, changes none of its logits', async () => {
    const session = createSession();
    const model = await loadModel(session, fixtureDir('tied-gqa2'));
    const { vocabSize } = model.config;
    const [batch, time] = [2, 8];
    const logits = logitsProgram(session, model, batch, time);
    const ids = fc.array(fc.nat(vocabSize - 1), { minLength: batch * time, maxLength: batch * time });
    fc.assert(
      fc.property(ids, ids, fc.nat(time - 1), (first, second, cut) => {
        const mixed = first.map((id, row) => (row % time <= cut ? id : (second[row] as number)));
        const [a, b] = [logits(first), logits(mixed)];
        for (let sequence = 0; sequence < batch; sequence++) {
          const from = sequence * time * vocabSize;
          const to = from + (cut + 1) * vocabSize;
          expect(maxDifference(a.subarray(from, to), b.subarray(from, to))).toBeLessThan(1e-5);
        }
      }),
      { numRuns: 30 },
    );
    session.dispose();
  });

  test('the sequences of a batch do not see each other', async () => {
    const dir = fixtureDir('sharded-gqa4');
    const { batch, time, ids } = await readInputs(dir);
    const together = await logitsOf(createSession, dir, { batch, time, ids });
    const width = together.length / batch;
    for (let i = 0; i < batch; i++) {
      const alone = await logitsOf(createSession, dir, { batch: 1, time, ids: ids.slice(i * time, (i + 1) * time) });
      expect(maxDifference(alone, together.subarray(i * width, (i + 1) * width))).toBeLessThan(1e-5);
    }
  });
});

function logitsProgram(session: Session, { config, parameters }: LoadedModel, batch: number, time: number) {
  const rows = { shape: [batch * time], dtype: 'int32' as const };
  const positions = Int32Array.from({ length: batch * time }, (_, row) => row % time);
  const program = session.program('logits', { ids: rows, positions: rows }, ({ ids, positions }) => {
    const attend = causalAttention(config, batch, time);
    const hidden = decoderHidden(config, parameters, ids as Tensor1D, positions as Tensor1D, attend);
    return { logits: lmHead(config, parameters, hidden) };
  });
  return (ids: readonly number[]) => program.run({ ids: Int32Array.from(ids), positions }).logits as Float32Array;
}
