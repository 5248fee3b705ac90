/** Steps of several tokens change how many steps a sequence takes and nothing else: what is told of it is the same to the bit. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type LoadedModel, loadModel } from '../model/load.ts';
import { fixtureDir } from '../model/testing.ts';
import { createRandom } from '../random.ts';
import { loadBackend } from '../tensor/backend.ts';
import { createSession } from '../tensor/create-session.ts';
import type { Session } from '../tensor/session.ts';
import { BatchDecoder, type BatchOptions, type DecodedSequence, type DecodeRequest, decodeAll } from './batch.ts';
import { DecodeEngine, type EngineOptions } from './engine.ts';

const SLOTS = 4;
const STEPS = 6;
const NO_END: ReadonlySet<number> = new Set();

let session: Session;
let model: LoadedModel;
let one: ReturnType<typeof decode>;
let plain: readonly DecodedSequence<number>[];
beforeAll(async () => {
  await loadBackend();
  session = createSession();
  model = await loadModel(session, fixtureDir('mistral-window'), { frozen: { bfloat16: false } });
  one = decode({ steps: 1 });
  plain = one.sequences;
});
afterAll(() => session.dispose());

/** More than there are slots, with budgets that end in the first token of a call, within it and at its end. */
function requests(): DecodeRequest<number>[] {
  const random = createRandom(5);
  return Array.from({ length: 13 }, (_, tag) => {
    const own = createRandom(tag);
    const prompt = Array.from({ length: 1 + random.int(40) }, () => random.int(model.config.vocabSize));
    return { tag, prompt, maxNewTokens: 1 + tag, uniform: () => own.uniform() };
  });
}

function decode(engineOptions: Partial<EngineOptions>, options: BatchOptions = { eosTokenIds: NO_END }) {
  const name = JSON.stringify([engineOptions, [...(engineOptions.eosTokenIds ?? [])], [...options.eosTokenIds]]);
  const engine = new DecodeEngine(session, model, { slots: SLOTS, maxLength: 64, name, ...engineOptions });
  const decoder = new BatchDecoder<number>(engine, options);
  const sequences = [...decodeAll(decoder, requests())].flat().toSorted((a, b) => a.tag - b.tag);
  return { sequences, engine, ...decoder.counters };
}

test('steps of several tokens choose the same ones, in fewer steps, never beyond a budget', () => {
  const several = decode({ steps: STEPS });
  expect(several.sequences).toEqual(plain);
  expect(several.sequences.map(({ ids }) => ids.length)).toEqual(requests().map(({ maxNewTokens }) => maxNewTokens));
  expect(several.tokens).toBe(one.tokens);
  expect(several.engine.steps).toBe(session.kernels ? STEPS : 1);
  if (session.kernels) expect(several.steps).toBeLessThan(one.steps / 2);
  else expect(several.steps).toBe(one.steps);
});

test('a model whose logits are not numbers ends in an error, not in tokens', async () => {
  const own = createSession();
  const diverged = await loadModel(own, fixtureDir('mistral-window'), { frozen: { bfloat16: false } });
  const weight = diverged.variables.get('model.layers.1.mlp.down_proj.weight');
  weight?.load(new Float32Array(weight.shape.reduce((a, b) => a * b)).fill(3e38));
  const samplings = [{ name: 'greedy' }, { name: 'sampled', temperature: 1 }];
  for (const { name, ...sampling } of samplings) {
    const engine = new DecodeEngine(own, diverged, { slots: SLOTS, maxLength: 64, name });
    const decoder = new BatchDecoder<number>(engine, { eosTokenIds: NO_END, ...sampling });
    expect(() => [...decodeAll(decoder, requests())], name).toThrow(expect.objectContaining({ code: 'NotFinite' }));
  }
  own.dispose();
});

test('a sequence ends within a step, also if only the decoder knows what ends it, and its slot is refilled', () => {
  // In the second call, neither as its first token nor as its last.
  const isWithin = (place: number) => place > STEPS && place < 2 * STEPS - 1;
  const end = plain.flatMap(({ ids }) => ids.filter((id, place) => isWithin(place) && ids.indexOf(id) === place))[0];
  if (end === undefined) throw new Error('every token comes early: another seed is needed');
  const eosTokenIds = new Set([end]);
  const ended = decode({ steps: 1 }, { eosTokenIds }).sequences;
  expect(ended.map(({ ids, finish }) => [ids, finish])).toEqual(
    plain.map(({ ids }) => (ids.includes(end) ? [ids.slice(0, ids.indexOf(end) + 1), 'eos'] : [ids, 'length'])),
  );
  expect(ended.some(({ ids, finish }) => finish === 'eos' && isWithin(ids.length - 1))).toBe(true);
  for (const known of [{ eosTokenIds }, {}])
    expect(decode({ steps: STEPS, ...known }, { eosTokenIds }).sequences).toEqual(ended);
});

test('what needs to be known of each token is told of one a step', () => {
  const told = decode({ steps: STEPS, topK: 2, entropy: true });
  expect(told.engine.steps).toBe(1);
  expect(told.sequences.map(({ ids }) => ids)).toEqual(plain.map(({ ids }) => ids));
  for (const { ids, entropies, top } of told.sequences) {
    expect(entropies).toHaveLength(ids.length);
    expect(top.map(([first]) => first?.id)).toEqual(ids);
  }
});

test('tokens are drawn one a step, with the numbers that they have', () => {
  const options = { eosTokenIds: NO_END, temperature: 1 };
  const several = decode({ steps: STEPS, sampling: true }, options);
  expect(several.sequences).toEqual(decode({ steps: 1, sampling: true }, options).sequences);
  expect(several.sequences).not.toEqual(plain);
});
