/** What the tests of annotation share: a tiny random model, a tokenizer of one letter a token, and a verifier that any change of tokens upsets. */
import { SavingsSpec } from '../../crds/spec/rollout.ts';
import { BranchEngine } from '../decode/branch-engine.ts';
import type { LoadedModel } from '../model/load.ts';
import { createRandom } from '../random.ts';
import type { Session } from '../tensor/session.ts';
import type { Verifier } from '../verify/verifier.ts';
import { CHOICES } from './alternatives.ts';
import { annotateBatched } from './batched.ts';
import { fullForward } from './full-forward.ts';
import type { Recheck } from './near-ties.ts';
import type { AnnotationRecord, ResponseRecord } from './record.ts';
import type { Savings, SavingsObserver } from './savings.ts';
import { annotateSequential } from './sequential.ts';

export const MAX_NEW_TOKENS = 14;
export const EOS = 5;

const letter = (id: number) => String.fromCodePoint(0x4e00 + id);

export const letters = {
  decode: (ids: readonly number[]) =>
    ids
      .filter((id) => id !== EOS)
      .map(letter)
      .join(''),
  tokenText: letter,
};

/** Correct are the responses whose letters' codes add up to a multiple of `modulus`. */
export function sumVerifier(modulus: number): Verifier {
  const sum = (text: string) => [...text].reduce((total, char) => total + (char.codePointAt(0) ?? 0) - 0x4e00, 0);
  return {
    type: 'sum',
    verify: async (items) =>
      items.map(({ response, answer }) => {
        const extracted = String(sum(response) % modulus);
        const correct = extracted === answer;
        return { correct, score: Number(correct), extracted, expected: answer };
      }),
  };
}

/** As sumVerifier(3), of the first letters only: what comes after them decides nothing. */
export function beginningVerifier(count: number): Verifier {
  const { verify } = sumVerifier(3);
  return {
    type: 'beginning',
    verify: (items) => verify(items.map((item) => ({ ...item, response: item.response.slice(0, count) }))),
    isFinal: (prefix) => prefix.length >= count,
  };
}

export function randomResponses(count: number, vocab: number, seed: number): ResponseRecord[] {
  const random = createRandom(seed);
  const ids = (length: number) => Array.from({ length }, () => random.int(vocab));
  return Array.from({ length: count }, (_, i) => {
    const responseIds = ids(1 + random.int(MAX_NEW_TOKENS));
    const response = letters.decode(responseIds);
    return {
      id: `r${i}`,
      question: '',
      answer: String(random.int(3)),
      prompt: '',
      promptIds: ids(1 + random.int(9)),
      response,
      responseIds,
      finish: 'length',
      correct: true,
      extracted: null,
      expected: '',
    };
  });
}

export const rules = { eosTokenIds: new Set([EOS]), maxNewTokens: MAX_NEW_TOKENS };

export const SAVINGS = SavingsSpec.parse({});

export interface BatchedSettings extends SavingsObserver {
  readonly width: number;
  readonly name?: string;
  readonly recheck?: Recheck;
  readonly savings?: Savings;
  readonly verifier?: Verifier;
}

export async function batched(
  session: Session,
  model: LoadedModel,
  responses: readonly ResponseRecord[],
  { width, name = 'branches', savings = SAVINGS, verifier = sumVerifier(3), ...rest }: BatchedSettings,
): Promise<AnnotationRecord[]> {
  const run = 1 + savings.draftTokens;
  const sizes = { origins: 3, width, run, originLength: 32, branchLength: MAX_NEW_TOKENS, topK: CHOICES };
  const engine = new BranchEngine(session, model, { ...sizes, ...rules, name });
  return Array.fromAsync(
    annotateBatched(responses, { ...rules, ...rest, engine, savings, tokenizer: letters, verifier }),
  );
}

export async function sequential(
  session: Session,
  model: LoadedModel,
  responses: readonly ResponseRecord[],
  predict = fullForward(session, model),
  verifier = sumVerifier(3),
): Promise<AnnotationRecord[]> {
  const records: AnnotationRecord[] = [];
  for (const response of responses)
    records.push(await annotateSequential(response, { ...rules, predict, tokenizer: letters, verifier }));
  return records;
}
