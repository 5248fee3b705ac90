import { beforeAll, expect, test } from 'vitest';
import { loadModel } from '../model/load.ts';
import { fixtureDir } from '../model/testing.ts';
import { createRandom } from '../random.ts';
import { loadBackend } from '../tensor/backend.ts';
import { createSession } from '../tensor/create-session.ts';
import { fullForward } from './full-forward.ts';

beforeAll(() => loadBackend());

test.each(['tied-gqa2', 'mistral-window', 'olmo2-postnorm'])(
  'a sequence of any length, after longer and shorter ones, has the logits of the ops that have no cache: %s',
  async (fixture) => {
    const session = createSession();
    const model = await loadModel(session, fixtureDir(fixture), { frozen: { bfloat16: false } });
    const random = createRandom(7);
    const longest = 150;
    const predict = fullForward(session, model, longest);
    const composed = fullForward(session, model, undefined, 'composed');
    const { maxPositionEmbeddings = longest, vocabSize } = model.config;
    for (const length of [150, 1, 33, 129, 128, 2, 64].map((length) => Math.min(length, maxPositionEmbeddings))) {
      const ids = Array.from({ length }, () => random.int(vocabSize));
      const [logits, expected] = [predict(ids), composed(ids)];
      expect(logits).toHaveLength(vocabSize);
      const distance = expected.reduce(
        (most, value, i) => Math.max(most, Math.abs(value - (logits[i] ?? Number.NaN))),
        0,
      );
      expect(distance, `${length} tokens`).toBeLessThan(1e-4);
    }
    session.dispose();
  },
);

test('a sequence so long that each length turns all tokens anew is refused, with the layers as one op too', async () => {
  const session = createSession();
  const loaded = await loadModel(session, fixtureDir('tied-gqa2'), { frozen: { bfloat16: false } });
  const scaling = { type: 'dynamic', factor: 2, trainedLength: 40 } as const;
  const model = { ...loaded, config: { ...loaded.config, rope: { ...loaded.config.rope, scaling } } };
  const predictors = session.kernels ? [fullForward(session, model, 100)] : [];
  for (const predict of [...predictors, fullForward(session, model, undefined, 'composed')]) {
    expect(predict(new Array(20).fill(3))).toHaveLength(model.config.vocabSize);
    expect(() => predict(new Array(70).fill(3))).toThrow(expect.objectContaining({ code: 'UnsupportedModel' }));
  }
  session.dispose();
});
