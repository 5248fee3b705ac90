import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type LoadedModel, loadModel } from '../model/load.ts';
import { fixtureDir } from '../model/testing.ts';
import { createRandom } from '../random.ts';
import { loadBackend } from '../tensor/backend.ts';
import { createSession } from '../tensor/create-session.ts';
import { EagerSession } from '../tensor/eager-session.ts';
import type { Session } from '../tensor/session.ts';
import { BatchDecoder, type DecodedSequence, type DecodeRequest, decodeAll } from './batch.ts';
import { DecodeEngine } from './engine.ts';
import { Scorer } from './scorer.ts';

beforeAll(async () => {
  await loadBackend();
});

const ids = [7, 8, 9, 10, 11, 12, 13];

describe.each([
  ['graph', createSession],
  ['eager', () => new EagerSession()],
] as [string, () => Session][])('%s session', (_name, make) => {
  let session: Session;
  let model: LoadedModel;
  beforeAll(async () => {
    session = make();
    model = await loadModel(session, fixtureDir('tied-gqa2'));
  });
  afterAll(() => session.dispose());

  test('a step after a prefill sees what a pass over the whole sequence sees', () => {
    const engine = new DecodeEngine(session, model, { slots: 3, maxLength: 32, topK: 3, name: 'same' });
    const scorer = new Scorer(session, model, { origins: 1, maxLength: 32, topK: 3, name: 'same' });
    const score = scorer.score(0, ids);
    engine.prefill([
      { slot: 1, ids: ids.slice(0, 6) },
      { slot: 2, ids: ids.slice(0, 3) },
    ]);
    const out = engine.step(Int32Array.from([7, 13, 10]), Int32Array.from([0, 6, 3]));
    for (const [slot, row] of [
      [0, 0],
      [1, 6],
      [2, 3],
    ] as const) {
      expect([...(out.topIds as Int32Array).subarray(slot * 3, slot * 3 + 3)]).toEqual([
        ...score.topIds.slice(row * 3, row * 3 + 3),
      ]);
      for (let k = 0; k < 3; k++)
        expect(out.topLogprobs?.[slot * 3 + k]).toBeCloseTo(score.topLogprobs[row * 3 + k] as number, 4);
      expect(out.next[slot]).toBe(score.topIds[row * 3]);
    }
  });

  test('a sequence decodes to the same tokens alone and among others, whatever slots it gets', () => {
    const random = createRandom(5);
    const requests: DecodeRequest<number>[] = Array.from({ length: 11 }, (_, tag) => ({
      tag,
      prompt: Array.from({ length: 1 + random.int(40) }, () => random.int(60)),
      maxNewTokens: 1 + random.int(12),
    }));
    const many = decode(new DecodeEngine(session, model, { slots: 4, maxLength: 64, name: 'many' }), requests);
    const one = decode(new DecodeEngine(session, model, { slots: 1, maxLength: 64, name: 'one' }), requests);
    expect(many.map(({ ids, finish }) => ({ ids, finish }))).toEqual(one.map(({ ids, finish }) => ({ ids, finish })));
    for (const [i, { ids, finish }] of many.entries())
      if (finish === 'length') expect(ids.length).toBe(requests[i]?.maxNewTokens);
  });

  test('samples follow the temperature: the same numbers draw the same tokens, a low one draws the greedy ones', () => {
    const engine = new DecodeEngine(session, model, { slots: 5, maxLength: 32, name: 'sample' });
    const requests = (seed: number): DecodeRequest<number>[] =>
      Array.from({ length: 7 }, (_, tag) => {
        const random = createRandom(seed).fork(String(tag));
        return { tag, prompt: [3 + tag, 9], maxNewTokens: 8, uniform: () => random.uniform() };
      });
    const draw = (seed: number, temperature: number) =>
      decode(engine, requests(seed), temperature).map(({ ids }) => ids);
    expect(draw(1, 1)).toEqual(draw(1, 1));
    expect(draw(1, 1)).not.toEqual(draw(2, 1));
    expect(draw(1, 1e-3)).toEqual(decode(engine, requests(1)).map(({ ids }) => ids));
  });
});

test('how much of the cache a step looks at changes no bit for the sequences that fit, and what did not fit can be fed again', async () => {
  const session = createSession();
  const model = await loadModel(session, fixtureDir('tied-gqa2'));
  const engine = new DecodeEngine(session, model, { slots: 4, maxLength: 300, topK: 3, entropy: true });
  expect([1, 128, 129, 300].map((length) => engine.reachFor(length))).toEqual([128, 128, 256, 384]);
  const random = createRandom(3);
  engine.prefill([{ slot: 3, ids: Array.from({ length: 140 }, () => random.int(60)) }]);
  for (let position = 0; position < 40; position++) {
    const tokens = Int32Array.from({ length: 4 }, () => random.int(60));
    const positions = Int32Array.of(position, position, 0, 140);
    const [near, far, again] = [128, 384, 128].map((reach) => engine.step(tokens, positions, { reach }));
    for (const name of ['next', 'margin', 'topIds', 'topLogprobs', 'entropy'] as const) {
      const ofThree = (values: ArrayLike<number> | undefined) =>
        Array.from(values ?? []).slice(0, (3 * (values?.length ?? 0)) / 4);
      expect(ofThree(far?.[name])).toEqual(ofThree(near?.[name]));
      expect(ofThree(again?.[name])).toEqual(ofThree(near?.[name]));
    }
    const [whole, once] = [engine.step(tokens, positions), engine.step(tokens, positions, { reach: 256 })];
    expect(once).toEqual(whole);
  }
  session.dispose();
});

test('sequences that wait because they are long end as they do alone', async () => {
  const session = createSession();
  const model = await loadModel(session, fixtureDir('tied-gqa2'));
  const random = createRandom(8);
  const requests: DecodeRequest<number>[] = Array.from({ length: 30 }, (_, tag) => {
    const own = createRandom(tag);
    return {
      tag,
      prompt: Array.from({ length: tag % 10 === 0 ? 124 : 2 + random.int(60) }, () => random.int(60)),
      maxNewTokens: 14,
      uniform: () => own.uniform(),
    };
  });
  const many = decode(new DecodeEngine(session, model, { slots: 16, maxLength: 138, name: 'many' }), requests, 1);
  const alone = requests.map((request) => {
    const own = createRandom(request.tag);
    return { ...request, uniform: () => own.uniform() };
  });
  const single = new DecodeEngine(session, model, { slots: 1, maxLength: 138, name: 'single' });
  expect(many.map(({ ids }) => ids)).toEqual(
    alone.flatMap((request) => decode(single, [request], 1)).map(({ ids }) => ids),
  );
  session.dispose();
});

test('sampled tokens have the frequencies of the distribution', async () => {
  const session = createSession();
  const model = await loadModel(session, fixtureDir('tied-gqa2'));
  const engine = new DecodeEngine(session, model, { slots: 128, maxLength: 32 });
  const score = new Scorer(session, model, { origins: 1, maxLength: 32, topK: 3, name: 'view' }).score(0, [4, 17]);
  const random = createRandom(11);
  const draws = 2048;
  const requests = Array.from({ length: draws }, (_, tag) => ({
    tag,
    prompt: [4, 17],
    maxNewTokens: 1,
    uniform: () => random.uniform(),
  }));
  const drawn = decode(engine, requests, 1).map(({ ids }) => ids[0]);
  for (let k = 0; k < 3; k++) {
    const p = Math.exp(score.topLogprobs[3 + k] as number);
    const frequency = drawn.filter((id) => id === score.topIds[3 + k]).length / draws;
    expect(Math.abs(frequency - p)).toBeLessThan(5 * Math.sqrt((p * (1 - p)) / draws));
  }
  session.dispose();
});

function decode(
  engine: DecodeEngine,
  requests: readonly DecodeRequest<number>[],
  temperature?: number,
): DecodedSequence<number>[] {
  const eosTokenIds = new Set([2, 3]);
  const decoder = new BatchDecoder<number>(engine, {
    eosTokenIds,
    ...(temperature === undefined ? {} : { temperature }),
  });
  return [...decodeAll(decoder, requests)].flat().sort((a, b) => a.tag - b.tag);
}
