import { afterAll, beforeAll, expect, test } from 'vitest';
import { type LoadedModel, loadModel } from '../model/load.ts';
import { fixtureDir } from '../model/testing.ts';
import { loadBackend } from '../tensor/backend.ts';
import { createSession } from '../tensor/create-session.ts';
import type { Session } from '../tensor/session.ts';
import { fullForward } from './full-forward.ts';
import { recheckFacts, recheckRollout } from './near-ties.ts';
import { continueGreedily, factsAt, type Predictor } from './predictor.ts';
import { batched, randomResponses, rules, sequential } from './testing.ts';

let session: Session;
let model: LoadedModel;
let predict: Predictor;
beforeAll(async () => {
  await loadBackend();
  session = createSession();
  model = await loadModel(session, fixtureDir('tied-gqa2'));
  predict = fullForward(session, model, 32);
});
afterAll(() => session.dispose());

const PROMPT = [7, 3, 11];

test('choices that are not close are not made again; a close one that stays changes nothing', () => {
  const result = continueGreedily(PROMPT, [9], predict, rules);
  const told: boolean[] = [];
  const recheck = { margin: 1, predict, onRecheck: (changed: boolean) => told.push(changed) };
  expect(recheckRollout(PROMPT, result, [], recheck, rules)).toBe(result);
  expect(told).toEqual([]);
  expect(recheckRollout(PROMPT, result, [1, 3], recheck, rules)).toBe(result);
  expect(told).toEqual([false, false]);
});

test('a choice that rounding has turned is turned back, and the rest is what the definition makes of it', () => {
  const expected = continueGreedily(PROMPT, [9], predict, rules);
  const other = ((expected.ids[2] as number) + 1) % model.config.vocabSize;
  const turned = continueGreedily(PROMPT, [...expected.ids.slice(0, 2), other], predict, rules);
  const told: boolean[] = [];
  const recheck = { margin: 1, predict, onRecheck: (changed: boolean) => told.push(changed) };
  const { ids, finish } = recheckRollout(PROMPT, turned, [1, 2, 4], recheck, rules);
  expect({ ids, finish }).toEqual({ ids: expected.ids, finish: expected.finish });
  expect(told).toEqual([false, true]);
});

test('tokens whose alternatives are close in likelihood get the facts of the definition', () => {
  const responseIds = [9, 4, 12];
  const exact = responseIds.map((token, t) => factsAt(predict([...PROMPT, ...responseIds.slice(0, t)]), token));
  const swapped = exact.map((fact) => ({
    ...fact,
    top: [fact.top[0], fact.top[2], fact.top[1], fact.top[3]] as never,
  }));
  const gap = Math.min(
    ...exact.flatMap(({ top }) => top.slice(1).map(({ logprob }, i) => (top[i]?.logprob ?? 0) - logprob)),
  );
  expect(recheckFacts({ promptIds: PROMPT, responseIds }, exact, { margin: gap / 2, predict })).toEqual(exact);
  expect(recheckFacts({ promptIds: PROMPT, responseIds }, swapped, { margin: 1e9, predict })).toEqual(exact);
});

test('with every choice made again, batched annotation is the definition to the last record', async () => {
  const responses = randomResponses(4, model.config.vocabSize, 6);
  let rechecks = 0;
  const recheck = { margin: 1e9, predict, onRecheck: () => void rechecks++ };
  const fast = await batched(session, model, responses, { width: 8, name: 'rechecked', recheck });
  const plain = await sequential(session, model, responses, predict);
  const choices = (records: typeof fast) =>
    records.map(({ masks, tokens }) => ({
      masks,
      tokens: tokens.map(({ probability, entropy, alternatives }) => ({
        ...{ probability, entropy },
        alternatives: alternatives.map(({ rank, id, probability: p }) => ({ rank, id, p })),
      })),
    }));
  expect(choices(fast)).toEqual(choices(plain));
  expect(rechecks).toBeGreaterThan(100);
});
