import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type LoadedModel, loadModel } from '../model/load.ts';
import { fixtureDir } from '../model/testing.ts';
import { loadBackend } from '../tensor/backend.ts';
import { createSession } from '../tensor/create-session.ts';
import type { Session } from '../tensor/session.ts';
import { fullForward } from './full-forward.ts';
import { continueGreedily, likeliest, type Predictor } from './predictor.ts';
import type { AnnotationRecord, ResponseRecord } from './record.ts';
import type { Savings } from './savings.ts';
import {
  batched,
  beginningVerifier,
  letters,
  MAX_NEW_TOKENS,
  randomResponses,
  rules,
  SAVINGS,
  sequential,
} from './testing.ts';

let session: Session;
let model: LoadedModel;
let predict: Predictor;
beforeAll(async () => {
  await loadBackend();
  session = createSession();
  model = await loadModel(session, fixtureDir('tied-gqa2'), { frozen: { bfloat16: false } });
  predict = fullForward(session, model, 32);
});
afterAll(() => session.dispose());

test('batched annotation gives the masks, answers and ends of the definition', async () => {
  const responses = randomResponses(12, model.config.vocabSize, 1);
  const [fast, plain] = [
    await batched(session, model, responses, { width: 8 }),
    await sequential(session, model, responses, predict),
  ];
  expect(fast.map(({ id, masks }) => ({ id, masks }))).toEqual(plain.map(({ id, masks }) => ({ id, masks })));
  expect(tried(fast)).toEqual(tried(plain, fast));
  const critical = fast.flatMap(({ masks }) => masks['strict-3']);
  expect(critical).toContain(0);
  expect(critical).toContain(1);
});

test('so it does with weights in bf16', async () => {
  const narrow = createSession({ precision: 'bf16' });
  const own = await loadModel(narrow, fixtureDir('tied-gqa2'), { frozen: { bfloat16: true } });
  const responses = randomResponses(12, own.config.vocabSize, 1);
  const fast = await batched(narrow, own, responses, { width: 8 });
  const plain = await sequential(narrow, own, responses, fullForward(narrow, own, 32));
  expect(fast.map(({ id, masks }) => ({ id, masks }))).toEqual(plain.map(({ id, masks }) => ({ id, masks })));
  const [token, other] = [fast, await batched(session, model, responses, { width: 8, name: 'fp32' })].map(
    (records) => records[0]?.tokens[0],
  );
  expect(token?.probability).not.toBe(other?.probability);
  expect(token?.probability).toBeCloseTo(other?.probability as number, 2);
  narrow.dispose();
});

test('margins, probabilities and entropies agree with the definition to float precision', async () => {
  const responses = randomResponses(4, model.config.vocabSize, 2);
  const [fast, plain] = [
    await batched(session, model, responses, { width: 16, name: 'precision' }),
    await sequential2(responses),
  ];
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
  const whole = await batched(session, model, responses, { width: 32, name: 'whole' });
  const rest = await batched(session, model, responses.slice(4), { width: 32, name: 'rest' });
  expect(JSON.stringify(rest)).toBe(JSON.stringify(whole.slice(4)));
  const narrow = await batched(session, model, responses, { width: 5, name: 'narrow' });
  expect(narrow.map(({ masks }) => masks)).toEqual(whole.map(({ masks }) => masks));
});

describe('what is saved changes no mask', () => {
  let responses: ResponseRecord[];
  let plain: AnnotationRecord[];
  beforeAll(async () => {
    responses = rejoinedResponses(5);
    plain = await sequential(session, model, responses, predict);
  });

  const ways: [string, Partial<Savings>][] = [
    ['nothing', { lazyAlternatives: false, sharedPrefix: false, earlyStop: false, slotRefill: false }],
    ['all but the common prefix', { sharedPrefix: false }],
    ['all but refilling slots at once', { slotRefill: false }],
    ['drafts', { draftTokens: 3 }],
    ['drafts without the common prefix', { draftTokens: 2, sharedPrefix: false }],
  ];
  test.each(ways)('%s', async (name, changed) => {
    const savings = { ...SAVINGS, ...changed };
    const told = { shared: 0, guessed: 0 };
    const records = await batched(session, model, responses, {
      ...{ width: savings.sharedPrefix ? 4 : 1, name, savings },
      onRollout: ({ shared }) => {
        told.shared += shared;
      },
      onStep: ({ accepted, rejected }) => {
        told.guessed += accepted + rejected;
      },
    });
    expect(tried(records)).toEqual(tried(plain, records));
    expect(records.map(({ masks }) => masks)).toEqual(plain.map(({ masks }) => masks));
    expect(alternatives(records).some(({ outcome }) => outcome === 'skipped')).toBe(savings.lazyAlternatives);
    expect(told.shared > 0).toBe(savings.sharedPrefix);
    expect(told.guessed > 0).toBe(savings.draftTokens > 0);
  });

  test('the end of rollouts whose verdict is decided', async () => {
    const deciding = 6;
    const verifier = beginningVerifier(deciding);
    const records = await batched(session, model, responses, { width: 4, name: 'early', verifier });
    const whole = await sequential(session, model, responses, predict, verifier);
    expect(records.map(({ masks }) => masks)).toEqual(whole.map(({ masks }) => masks));
    const early = records.flatMap(({ tokens }) =>
      tokens.flatMap((token, t) => token.alternatives.map((alternative) => ({ ...alternative, t }))),
    );
    expect(early.some(({ finish }) => finish === 'decided')).toBe(true);
    for (const { finish, length, t } of early) if (finish === 'decided') expect(length).toBe(Math.max(deciding, t + 1));
  });
});

const alternatives = (records: readonly AnnotationRecord[]) =>
  records.flatMap(({ tokens }) => tokens.flatMap((token) => token.alternatives));

/**
 * Random beginnings, then what the model says instead of them: where a rollout replaces the beginning, it says the response's own tokens, a
 * place earlier.
 */
function rejoinedResponses(count: number): ResponseRecord[] {
  return randomResponses(count, model.config.vocabSize, 5).map((record) => {
    const [first = 0] = record.responseIds;
    const instead = likeliest(predict(record.promptIds), 2).find(({ id }) => id !== first)?.id as number;
    const said = continueGreedily(record.promptIds, [instead], predict, rules).ids;
    const responseIds = [first, ...said].slice(0, MAX_NEW_TOKENS);
    return { ...record, responseIds, response: letters.decode(responseIds) };
  });
}

test('a rollout grows to the budget of the original response and no further', async () => {
  const records = await batched(session, model, randomResponses(6, model.config.vocabSize, 4), {
    width: 8,
    name: 'budget',
  });
  for (const alternative of alternatives(records)) {
    if (alternative.outcome === 'skipped') continue;
    expect(alternative.length).toBeLessThanOrEqual(MAX_NEW_TOKENS);
    if (alternative.finish === 'length') expect(alternative.length).toBe(MAX_NEW_TOKENS);
  }
});

test('a model whose logits are not numbers ends in an error, not in masks', async () => {
  const own = createSession();
  try {
    const diverged = await loadModel(own, fixtureDir('tied-gqa2'), { frozen: { bfloat16: false } });
    const weight = diverged.variables.get('model.layers.1.mlp.down_proj.weight');
    weight?.load(new Float32Array(weight.shape.reduce((a, b) => a * b)).fill(3e38));
    const responses = randomResponses(2, diverged.config.vocabSize, 8);
    const notFinite = expect.objectContaining({ code: 'NotFinite', where: 'response r0' });
    await expect(batched(own, diverged, responses, { width: 4 })).rejects.toEqual(notFinite);
    await expect(sequential(own, diverged, responses)).rejects.toEqual(notFinite);
  } finally {
    own.dispose();
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
