/** The engine's cache on every family: what it decodes is what whole passes say, and what transformers generates. */
import { beforeAll, describe, expect, test } from 'vitest';
import { loadModel } from '../model/load.ts';
import { FAMILY_FIXTURES, fixtureDir, readExpected, readInputs } from '../model/testing.ts';
import { loadBackend } from '../tensor/backend.ts';
import { createSession } from '../tensor/create-session.ts';
import { BatchDecoder, decodeAll } from './batch.ts';
import { BranchDecoder } from './branch-decoder.ts';
import { BranchEngine } from './branch-engine.ts';
import { type DecodableModel, DecodeEngine } from './engine.ts';
import { Scorer } from './scorer.ts';

beforeAll(async () => {
  await loadBackend();
});

const cases = FAMILY_FIXTURES.flatMap((name) => [
  { name, how: 'layers as one op', kernels: true },
  { name, how: 'op by op', kernels: false },
]);

async function open(name: string, kernels: boolean) {
  const session = createSession({ kernels });
  return { session, model: await loadModel(session, fixtureDir(name), { frozen: { bfloat16: false } }) };
}

/** Scores by whole passes, op by op. */
async function wholePasses(name: string) {
  const { session, model } = await open(name, false);
  const scorer = new Scorer(session, model, { origins: 1, maxLength: 64, topK: 2, name: 'whole' });
  return { score: (ids: readonly number[]) => scorer.score(0, ids), dispose: () => session.dispose() };
}

describe.each(cases)('$name, $how', ({ name, kernels }) => {
  test('tokens decoded one by one are those of transformers, with the probabilities of a pass over all', async () => {
    const { session, model } = await open(name, kernels);
    const { ids: all, time } = await readInputs(fixtureDir(name));
    const prompt = all.slice(0, time);
    const engine = new DecodeEngine(session, model, { slots: 3, maxLength: 64, topK: 2 });
    const eosTokenIds = new Set<number>();
    const decoder = new BatchDecoder<string>(engine, { eosTokenIds });
    const scorer = await wholePasses(name);
    // A short start too, so that most of what a window hides was decoded.
    const requests = [
      { tag: 'whole prompt', prompt, maxNewTokens: 12 },
      { tag: 'one token', prompt: prompt.slice(0, 1), maxNewTokens: 30 },
    ];
    const known: Record<string, readonly number[]> = {
      'whole prompt': prompt,
      'one token': prompt.slice(0, 1),
    };
    const decoded = [...decodeAll(decoder, requests)].flat();
    expect(decoded.map(({ tag }) => tag).sort()).toEqual(Object.keys(known).sort());
    for (const { tag, ids, top } of decoded) {
      const start = known[tag] as readonly number[];
      const whole = scorer.score([...start, ...ids]);
      for (const [step, id] of ids.entries()) {
        const row = start.length - 1 + step;
        expect(id).toBe(whole.topIds[row * 2]);
        expect(top[step]?.[0]?.logprob).toBeCloseTo(whole.topLogprobs[row * 2] as number, 4);
        expect(top[step]?.[1]?.logprob).toBeCloseTo(whole.topLogprobs[row * 2 + 1] as number, 4);
      }
    }
    const generated = (await readExpected(fixtureDir(name))).get('greedy') ?? new Float32Array();
    expect(decoded.find(({ tag }) => tag === 'whole prompt')?.ids).toEqual([...generated.subarray(0, 12)]);
    session.dispose();
    scorer.dispose();
  });

  test('branches of known sequences go on as whole passes over them say', async () => {
    const { session, model } = await open(name, kernels);
    const { ids: all, time } = await readInputs(fixtureDir(name));
    const origins = [all.slice(0, time), all.slice(1, time)];
    const engine = new BranchEngine(session, model, {
      origins: 2,
      width: 2,
      originLength: 64,
      branchLength: 40,
      topK: 2,
    });
    const decoder = new BranchDecoder<readonly number[]>(engine, { eosTokenIds: new Set() });
    for (const [origin, ids] of origins.entries()) {
      engine.score(origin, ids);
      const branches = [1, 4].map((start) => {
        const token = (ids[start] as number) + 1;
        return { tag: [...ids.slice(0, start), token], start, token, maxNewTokens: 34 };
      });
      decoder.admit(origin, branches);
    }
    const decoded = [];
    while (decoder.busy) decoded.push(...decoder.advance());
    expect(decoded).toHaveLength(4);
    const scorer = await wholePasses(name);
    for (const { tag, ids, margin } of decoded) {
      const whole = scorer.score([...tag, ...ids]);
      expect(ids).toEqual(ids.map((_, step) => whole.topIds[2 * (tag.length - 1 + step)]));
      const gaps = ids.map((_, step) => {
        const row = 2 * (tag.length - 1 + step);
        return (whole.topLogprobs[row] as number) - (whole.topLogprobs[row + 1] as number);
      });
      expect(margin).toBeCloseTo(Math.min(...gaps), 3);
    }
    session.dispose();
    scorer.dispose();
  });
});

test('what the op of the layers does not compute is computed op by op: another activation', async () => {
  const prompt = [5, 9, 4, 7];
  const topOf = async (kernels: boolean) => {
    const { session, model } = await open('tied-gqa2', kernels);
    const other: DecodableModel = { ...model, config: { ...model.config, activation: 'relu' } };
    const engine = new DecodeEngine(session, other, { slots: 1, maxLength: 64, topK: 2 });
    const decoder = new BatchDecoder<string>(engine, { eosTokenIds: new Set() });
    const decoded = [...decodeAll(decoder, [{ tag: '', prompt, maxNewTokens: 8 }])].flat();
    session.dispose();
    return decoded[0]?.top.map((choices) => choices[0]?.logprob ?? Number.NaN) ?? [];
  };
  const [fused, composed] = [await topOf(true), await topOf(false)];
  expect(fused).toHaveLength(8);
  for (const [step, logprob] of fused.entries()) expect(logprob).toBeCloseTo(composed[step] as number, 4);
});

test('a model whose angles change with the length decodes up to where they do, and is refused by name beyond', async () => {
  const session = createSession();
  const model = await loadModel(session, fixtureDir('tied-gqa2'));
  const scaling = { type: 'dynamic', factor: 2, trainedLength: 32 } as const;
  const config = { ...model.config, rope: { ...model.config.rope, scaling } };
  const tokens = [5, 6, 7];
  const scorerOf = (maxLength: number, used: DecodableModel = { ...model, config }) =>
    new Scorer(session, used, { origins: 1, maxLength, topK: 3, name: `${maxLength} ${used === model}` });
  expect(scorerOf(32).score(0, tokens)).toEqual(scorerOf(32, model).score(0, tokens));
  const engineOf = (maxLength: number) =>
    new DecodeEngine(session, { ...model, config }, { slots: 1, maxLength, name: 'dynamic' });
  for (const refused of [() => engineOf(33), () => scorerOf(33)])
    expect(refused).toThrow(
      expect.objectContaining({ code: 'UnsupportedModel', message: expect.stringContaining('rope_type "dynamic"') }),
    );
  session.dispose();
});
