import { afterAll, beforeAll, expect, test } from 'vitest';
import { type LoadedModel, loadModel } from '../model/load.ts';
import { fixtureDir } from '../model/testing.ts';
import { loadBackend } from '../tensor/backend.ts';
import { createSession } from '../tensor/create-session.ts';
import type { Session } from '../tensor/session.ts';
import type { AnnotationRecord } from './record.ts';
import { batched, MAX_NEW_TOKENS, randomResponses, sequential } from './testing.ts';

let session: Session;
let model: LoadedModel;
beforeAll(async () => {
  await loadBackend();
  session = createSession();
  model = await loadModel(session, fixtureDir('tied-gqa2'));
});
afterAll(() => session.dispose());

test('batched annotation gives the masks, answers and ends of the definition', async () => {
  const responses = randomResponses(12, model.config.vocabSize, 1);
  const [fast, plain] = [await batched(session, model, responses, 8), await sequential(session, model, responses)];
  expect(fast.map(({ id, masks }) => ({ id, masks }))).toEqual(plain.map(({ id, masks }) => ({ id, masks })));
  expect(tried(fast)).toEqual(tried(plain, fast));
  const critical = fast.flatMap(({ masks }) => masks['strict-3']);
  expect(critical).toContain(0);
  expect(critical).toContain(1);
});

test('margins, probabilities and entropies agree with the definition to float precision', async () => {
  const responses = randomResponses(4, model.config.vocabSize, 2);
  const [fast, plain] = [await batched(session, model, responses, 16, 'precision'), await sequential2(responses)];
  for (const [r, record] of fast.entries())
    for (const [t, token] of record.tokens.entries()) {
      const other = plain[r]?.tokens[t];
      expect(token.probability).toBeCloseTo(other?.probability as number, 4);
      expect(token.entropy).toBeCloseTo(other?.entropy as number, 3);
      for (const [a, alternative] of token.alternatives.entries())
        if (alternative.margin !== null)
          expect(alternative.margin).toBeCloseTo(other?.alternatives[a]?.margin as number, 3);
    }
});

test('records do not depend on how many slots there are nor on what else is annotated', async () => {
  const responses = randomResponses(9, model.config.vocabSize, 3);
  const whole = await batched(session, model, responses, 32, 'whole');
  const rest = await batched(session, model, responses.slice(4), 32, 'rest');
  expect(JSON.stringify(rest)).toBe(JSON.stringify(whole.slice(4)));
  const narrow = await batched(session, model, responses, 5, 'narrow');
  expect(narrow.map(({ masks }) => masks)).toEqual(whole.map(({ masks }) => masks));
});

test('a rollout grows to the budget of the original response and no further', async () => {
  const records = await batched(session, model, randomResponses(6, model.config.vocabSize, 4), 8, 'budget');
  for (const alternative of records.flatMap(({ tokens }) => tokens.flatMap(({ alternatives }) => alternatives))) {
    if (alternative.outcome === 'skipped') continue;
    expect(alternative.length).toBeLessThanOrEqual(MAX_NEW_TOKENS);
    if (alternative.finish === 'length') expect(alternative.length).toBe(MAX_NEW_TOKENS);
  }
});

const sequential2 = async (responses: Parameters<typeof sequential>[2]) => {
  const own = createSession();
  try {
    return await sequential(own, await loadModel(own, fixtureDir('tied-gqa2')), responses);
  } finally {
    own.dispose();
  }
};

/** What each rollout came to, without numbers; of `like`, only the rollouts that were made there too. */
function tried(records: readonly AnnotationRecord[], like: readonly AnnotationRecord[] = records) {
  return records.map(({ tokens }, r) =>
    tokens.map(({ alternatives }, t) =>
      alternatives
        .filter((_, a) => like[r]?.tokens[t]?.alternatives[a]?.outcome !== 'skipped')
        .map(({ id, outcome, extracted, finish, length }) => ({ id, outcome, extracted, finish, length })),
    ),
  );
}
