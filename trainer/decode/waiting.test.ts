/** A sequence may wait for others of its length, but not for ever: others that keep coming must not hold it back. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type LoadedModel, loadModel } from '../model/load.ts';
import { fixtureDir } from '../model/testing.ts';
import { loadBackend } from '../tensor/backend.ts';
import { createSession } from '../tensor/create-session.ts';
import type { Session } from '../tensor/session.ts';
import { BatchDecoder } from './batch.ts';
import { BranchDecoder } from './branch-decoder.ts';
import { BranchEngine } from './branch-engine.ts';
import { DecodeEngine } from './engine.ts';

const SLOTS = 16;
/** Steps for each token of a sequence that is served only when none may wait. */
const STEPS_A_TOKEN = 16;
const LONG = 'long';

let session: Session;
let model: LoadedModel;
beforeAll(async () => {
  await loadBackend();
  session = createSession();
  model = await loadModel(session, fixtureDir('tied-gqa2'));
});
afterAll(() => session.dispose());

test('a long prompt among short ones that keep coming gets on', () => {
  const engine = new DecodeEngine(session, model, { slots: SLOTS, maxLength: 140 });
  const decoder = new BatchDecoder<string>(engine, { eosTokenIds: new Set() });
  const request = (tag: string, length: number) => ({
    tag,
    prompt: new Array<number>(length).fill(7),
    maxNewTokens: 4,
  });
  decoder.admit([request(LONG, 131)]);
  let steps = 0;
  for (let ended = false; !ended; steps++) {
    decoder.admit(Array.from({ length: decoder.free }, () => request('short', 3)));
    ended = decoder.advance().some(({ tag }) => tag === LONG);
    expect(steps).toBeLessThan(4 * STEPS_A_TOKEN);
  }
  expect(steps).toBeGreaterThan(4);
});

test('so does a long branch, and one that leaves its origin late does not wait at all', () => {
  const options = { origins: 4, width: 4, originLength: 140, branchLength: 80, topK: 2, name: 'waiting' };
  const engine = new BranchEngine(session, model, options);
  const decoder = new BranchDecoder<string>(engine, { eosTokenIds: new Set() });
  for (let origin = 0; origin < 4; origin++) engine.score(origin, new Array<number>(135).fill(7));
  decoder.admit(0, [
    { tag: LONG, start: 2, token: 9, maxNewTokens: 68 },
    { tag: 'late', start: 133, token: 9, maxNewTokens: 4 },
  ]);
  const ends = new Map<string, number>();
  for (let steps = 1; !ends.has(LONG); steps++) {
    for (let origin = 0; origin < 4; origin++) {
      const short = { tag: 'short', start: 5, token: 9, maxNewTokens: 3 };
      decoder.admit(
        origin,
        Array.from({ length: decoder.free(origin) }, () => short),
      );
    }
    for (const { tag } of decoder.advance()) ends.set(tag, steps);
    expect(steps).toBeLessThan(64 + 5 * STEPS_A_TOKEN);
  }
  expect(ends.get('late')).toBe(4);
  expect(ends.get(LONG)).toBeGreaterThan(68);
});
