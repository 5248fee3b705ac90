/** Drafts, good ones and bad ones, change how many steps a branch takes and nothing else. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type LoadedModel, loadModel } from '../model/load.ts';
import { fixtureDir } from '../model/testing.ts';
import { createRandom } from '../random.ts';
import { loadBackend } from '../tensor/backend.ts';
import { createSession } from '../tensor/create-session.ts';
import type { Session } from '../tensor/session.ts';
import { BranchDecoder, type BranchStep, type DecodedBranch } from './branch-decoder.ts';
import { BranchEngine } from './branch-engine.ts';

const NEW_TOKENS = 20;
const ORIGIN = [7, 3, 11, 4, 9, 2];
const BRANCHES = [1, 3, 5, 6].map((start, tag) => ({ tag, start, token: 8 + tag, maxNewTokens: NEW_TOKENS }));

let session: Session;
let model: LoadedModel;
let plain: DecodedBranch<number>[];
beforeAll(async () => {
  await loadBackend();
  session = createSession();
  model = await loadModel(session, fixtureDir('tied-gqa2'));
  plain = decode('plain', 1).branches;
});
afterAll(() => session.dispose());

type Settings = Partial<ConstructorParameters<typeof BranchDecoder<number>>[1]>;

function decode(name: string, run: number, settings: Settings = {}) {
  const options = { origins: 1, width: 4, originLength: 8, branchLength: NEW_TOKENS, topK: 2, run, name };
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
  const { branches, steps } = decode('oracle', 5, { draft: rest });
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
  const { branches, steps } = decode('mixed', 5, { draft });
  expect(branches.map(({ ids }) => ids)).toEqual(plain.map(({ ids }) => ids));
  for (const [tag, { margin }] of branches.entries()) expect(margin).toBeCloseTo(plain[tag]?.margin as number, 4);
  expect(sum(steps, 'accepted')).toBeGreaterThan(0);
  expect(sum(steps, 'rejected')).toBeGreaterThan(0);
  expect(steps.length).toBeLessThan(NEW_TOKENS);
});

test('a branch ends where it is decided, in the middle of a draft too', () => {
  const isDecided = (_: number, ids: readonly number[]) => ids.length === 7;
  const { branches } = decode('decided', 5, { draft: rest, isDecided });
  expect(branches.map(({ ids }) => ids)).toEqual(plain.map(({ ids }) => ids.slice(0, 7)));
  expect(branches.every(({ finish }) => finish === 'decided')).toBe(true);
});
