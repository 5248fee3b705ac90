/** Drafts, good ones and bad ones, and steps of several tokens change how many steps a branch takes and nothing else. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type LoadedModel, loadModel } from '../model/load.ts';
import { fixtureDir } from '../model/testing.ts';
import { createRandom } from '../random.ts';
import { loadBackend } from '../tensor/backend.ts';
import { createSession } from '../tensor/create-session.ts';
import type { Session } from '../tensor/session.ts';
import { BranchDecoder, type BranchStep, type DecodedBranch } from './branch-decoder.ts';
import { BranchEngine, type BranchOptions } from './branch-engine.ts';

const NEW_TOKENS = 20;
const ORIGIN = [7, 3, 11, 4, 9, 2];
const BRANCHES = [1, 3, 5, 6].map((start, tag) => ({ tag, start, token: 8 + tag, maxNewTokens: NEW_TOKENS }));

let session: Session;
let model: LoadedModel;
let plain: DecodedBranch<number>[];
beforeAll(async () => {
  await loadBackend();
  session = createSession();
  model = await loadModel(session, fixtureDir('tied-gqa2'), { frozen: { bfloat16: false } });
  plain = decode('plain', { steps: 1 }).branches;
});
afterAll(() => session.dispose());

type Settings = Partial<ConstructorParameters<typeof BranchDecoder<number>>[1]>;

function decode(name: string, sizes: Pick<BranchOptions, 'run' | 'steps' | 'eosTokenIds'>, settings: Settings = {}) {
  const options = { origins: 1, width: 4, originLength: 8, branchLength: NEW_TOKENS, topK: 2, name, ...sizes };
  const engine = new BranchEngine(session, model, options);
  engine.score(0, ORIGIN);
  const steps: BranchStep[] = [];
  const onStep = (step: BranchStep) => void steps.push(step);
  const decoder = new BranchDecoder<number>(engine, { eosTokenIds: new Set(), ...settings, onStep });
  decoder.admit(0, BRANCHES);
  const branches: DecodedBranch<number>[] = [];
  while (decoder.busy) branches.push(...decoder.advance());
  return { branches: branches.toSorted((a, b) => a.tag - b.tag), steps };
}

const sum = (steps: readonly BranchStep[], key: keyof BranchStep) => steps.reduce((all, step) => all + step[key], 0);
const rest = (tag: number, ids: readonly number[]) => plain[tag]?.ids.slice(ids.length) ?? [];

test('a draft that is right is taken whole, and never beyond the budget', () => {
  const { branches, steps } = decode('oracle', { run: 5 }, { draft: rest });
  expect(branches.map(({ ids }) => ids)).toEqual(plain.map(({ ids }) => ids));
  expect(steps.length).toBe(NEW_TOKENS / 5);
  expect(sum(steps, 'accepted')).toBe((BRANCHES.length * NEW_TOKENS * 4) / 5);
  expect(sum(steps, 'rejected')).toBe(0);
});

test('of a draft that is wrong somewhere the tokens before are taken, and no key or value of it stays', () => {
  const random = createRandom(3);
  const draft = (tag: number, ids: readonly number[]) =>
    rest(tag, ids)
      .slice(0, random.int(6))
      .map((id) => (random.int(3) === 0 ? (id + 1) % model.config.vocabSize : id));
  const { branches, steps } = decode('mixed', { run: 5 }, { draft });
  expect(branches.map(({ ids }) => ids)).toEqual(plain.map(({ ids }) => ids));
  for (const [tag, { margin }] of branches.entries()) expect(margin).toBeCloseTo(plain[tag]?.margin as number, 4);
  expect(sum(steps, 'accepted')).toBeGreaterThan(0);
  expect(sum(steps, 'rejected')).toBeGreaterThan(0);
  expect(steps.length).toBeLessThan(NEW_TOKENS);
});

test('a branch ends where it is decided, in the middle of a draft too', () => {
  const isDecided = (_: number, ids: readonly number[]) => ids.length === 7;
  const { branches } = decode('decided', { run: 5 }, { draft: rest, isDecided });
  expect(branches.map(({ ids }) => ids)).toEqual(plain.map(({ ids }) => ids.slice(0, 7)));
  expect(branches.every(({ finish }) => finish === 'decided')).toBe(true);
});

describe('steps of several tokens', () => {
  test('choose the same tokens, in as few steps as they can', () => {
    const { branches, steps } = decode('several', { steps: 6 });
    expect(branches).toEqual(plain);
    expect(steps.length).toBe(session.kernels ? Math.ceil(NEW_TOKENS / 6) : NEW_TOKENS);
  });

  test('end where a branch ends, also if only the decoder knows what ends one', () => {
    const end = plain[1]?.ids[8] as number;
    const eosTokenIds = new Set([end]);
    const upTo = (ids: readonly number[]) => ids.slice(0, ids.indexOf(end) + 1 || ids.length);
    for (const known of [eosTokenIds, undefined]) {
      const sizes = { steps: 6, ...(known && { eosTokenIds: known }) };
      const { branches } = decode(`ends-${known !== undefined}`, sizes, { eosTokenIds });
      expect(branches.map(({ ids }) => ids)).toEqual(plain.map(({ ids }) => upTo(ids)));
      expect(branches[1]?.finish).toBe('eos');
    }
  });

  test('may go too far: of a branch that is decided nothing behind that is taken', () => {
    const isDecided = (_: number, ids: readonly number[]) => ids.length === 7;
    const { branches } = decode('too-far', { steps: 6 }, { isDecided });
    expect(branches.map(({ ids, finish }) => [ids, finish])).toEqual(
      plain.map(({ ids }) => [ids.slice(0, 7), 'decided']),
    );
  });
});
