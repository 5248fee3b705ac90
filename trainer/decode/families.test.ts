/** The engine's cache on every family: what it decodes is what whole passes say, and what transformers generates. */
import { beforeAll, describe, expect, test } from 'vitest';
import { loadModel } from '../model/load.ts';
import { FAMILY_FIXTURES, fixtureDir, readExpected, readInputs } from '../model/testing.ts';
import { loadBackend } from '../tensor/backend.ts';
import { createSession } from '../tensor/create-session.ts';
import { BatchDecoder, decodeAll } from './batch.ts';
import { type DecodableModel, DecodeEngine } from './engine.ts';

beforeAll(async () => {
  await loadBackend();
});

describe.each(FAMILY_FIXTURES)('%s', (name) => {
  test('tokens decoded one by one are those of transformers, with the probabilities of a pass over all', async () => {
    const session = createSession();
    const model = await loadModel(session, fixtureDir(name));
    const { ids: all, time } = await readInputs(fixtureDir(name));
    const prompt = all.slice(0, time);
    const engine = new DecodeEngine(session, model, { slots: 3, origins: 1, maxLength: 64, topK: 2 });
    const decoder = new BatchDecoder<string>(engine, { eosTokenIds: new Set() });
    engine.score([{ origin: 0, ids: prompt }]);
    // A short start too, so that most of what a window hides was decoded, and a start from the middle of a known sequence.
    const requests = [
      { tag: 'whole prompt', start: { prompt }, maxNewTokens: 12 },
      { tag: 'one token', start: { prompt: prompt.slice(0, 1) }, maxNewTokens: 30 },
      { tag: 'fork', start: { origin: 0, length: 4, token: prompt[5] as number }, maxNewTokens: 14 },
    ];
    const known: Record<string, readonly number[]> = {
      'whole prompt': prompt,
      'one token': prompt.slice(0, 1),
      fork: [...prompt.slice(0, 4), prompt[5] as number],
    };
    const decoded = [...decodeAll(decoder, requests)].flat();
    expect(decoded.map(({ tag }) => tag).sort()).toEqual(Object.keys(known).sort());
    for (const { tag, ids, top } of decoded) {
      const start = known[tag] as readonly number[];
      const [whole] = engine.score([{ origin: 0, ids: [...start, ...ids] }]);
      for (const [step, id] of ids.entries()) {
        const row = start.length - 1 + step;
        expect(id).toBe(whole?.topIds[row * 2]);
        expect(top[step]?.[0]?.logprob).toBeCloseTo(whole?.topLogprobs[row * 2] as number, 4);
        expect(top[step]?.[1]?.logprob).toBeCloseTo(whole?.topLogprobs[row * 2 + 1] as number, 4);
      }
    }
    const generated = (await readExpected(fixtureDir(name))).get('greedy') ?? new Float32Array();
    expect(decoded.find(({ tag }) => tag === 'whole prompt')?.ids).toEqual([...generated.subarray(0, 12)]);
    session.dispose();
  });
});

test('a model whose angles change with the length decodes up to where they do, and is refused by name beyond', async () => {
  const session = createSession();
  const model = await loadModel(session, fixtureDir('tied-gqa2'));
  const scaling = { type: 'dynamic', factor: 2, trainedLength: 32 } as const;
  const config = { ...model.config, rope: { ...model.config.rope, scaling } };
  const tokens = [5, 6, 7];
  const engineOf = (maxLength: number, used: DecodableModel = { ...model, config }) =>
    new DecodeEngine(session, used, { slots: 1, origins: 1, maxLength, name: `${maxLength} ${used === model}` });
  const [within] = engineOf(32).score([{ origin: 0, ids: tokens }]);
  const [plain] = engineOf(32, model).score([{ origin: 0, ids: tokens }]);
  expect(within).toEqual(plain);
  expect(() => engineOf(33).step(Int32Array.of(5), Int32Array.of(0))).toThrow(
    expect.objectContaining({ code: 'UnsupportedModel', message: expect.stringContaining('rope_type "dynamic"') }),
  );
  session.dispose();
});
