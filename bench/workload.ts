import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BatchDecoder, decodeAll } from '../trainer/decode/batch.ts';
import type { DecodeEngine } from '../trainer/decode/engine.ts';
import { createRandom } from '../trainer/random.ts';
import type { Tokenizer } from '../trainer/tokenizer/tokenizer.ts';
import { createVerifier } from '../trainer/verify/create.ts';
import type { Verifier } from '../trainer/verify/verifier.ts';

const EXAMPLE = join(import.meta.dirname, '..', 'examples', 'gsm8k-equations');

export const exampleModel = join(EXAMPLE, 'model');

export interface Question {
  readonly prompt: readonly number[];
  readonly answer: string;
}

/** What a model is measured on: how large the pieces of work are is said once for all rows. */
export interface Workload {
  readonly questions: (tokenizer: Tokenizer, count: number) => Promise<Question[]>;
  readonly verifier: Verifier;
  /** The text that the verifier reads. */
  readonly textOf: (tokenizer: Tokenizer, ids: readonly number[]) => string;
  /** New tokens of each of 64 prompts in greedy decoding. */
  readonly decodeTokens: number;
  readonly annotate: {
    readonly responses: number;
    readonly maxNewTokens: number;
    /** Rollouts at the same time. */
    readonly batchSize: number;
    /** Every so manieth place of a response is rolled out by the peer, whose time counts as many times. */
    readonly every: number;
    /** Responses that the peer rolls out one at a time. */
    readonly definitions: number;
  };
  readonly train: { readonly sequences: number; readonly newTokens: number };
  /** Of runs of each side: an even number, so that each side goes first as often. */
  readonly pairs: number;
}

/** The example's questions and answers, as its model is prompted with them. */
const EXAMPLE_WORKLOAD: Workload = {
  async questions(tokenizer, count) {
    const lines = (await readFile(join(EXAMPLE, 'test.jsonl'), 'utf8')).split('\n').slice(0, count);
    return lines.map((line) => {
      const { question, answer } = JSON.parse(line) as { question: string; answer: string };
      return { prompt: tokenizer.encode(`${question}\n`), answer };
    });
  },
  verifier: createVerifier({ type: 'math' }),
  textOf: (tokenizer, ids) => tokenizer.decode(ids, { skipSpecialTokens: true }),
  decodeTokens: 48,
  annotate: { responses: 64, maxNewTokens: 128, batchSize: 256, every: 1, definitions: 3 },
  train: { sequences: 32, newTokens: 64 },
  pairs: 8,
};

/**
 * Random prompts for a model with random weights. Its responses never end by themselves; a response is right if its tokens add up to an
 * even number, so that about half of the alternatives break it.
 */
const RANDOM_WORKLOAD: Workload = {
  async questions(_, count) {
    const random = createRandom(1);
    return Array.from({ length: count }, () => ({
      prompt: Array.from({ length: 32 }, () => 2 + random.int(30_000)),
      answer: '',
    }));
  },
  verifier: {
    type: 'even',
    verify: async (items) =>
      items.map(({ response }) => {
        const sum = response.split(' ').reduce((total, id) => total + Number(id), 0);
        const correct = sum % 2 === 0;
        return { correct, score: Number(correct), extracted: String(sum), expected: 'even' };
      }),
  },
  textOf: (_, ids) => ids.join(' '),
  decodeTokens: 24,
  annotate: { responses: 16, maxNewTokens: 32, batchSize: 256, every: 8, definitions: 2 },
  train: { sequences: 8, newTokens: 96 },
  pairs: 4,
};

export const WORKLOADS = { example: EXAMPLE_WORKLOAD, random: RANDOM_WORKLOAD } as const;

export type WorkloadName = keyof typeof WORKLOADS;

/** Greedy continuations, in the order of the prompts; without end tokens every one takes `newTokens`. */
export function decodeGreedily(
  engine: DecodeEngine,
  prompts: readonly (readonly number[])[],
  newTokens: number,
  eosTokenIds: ReadonlySet<number>,
): number[][] {
  const decoder = new BatchDecoder<number>(engine, { eosTokenIds });
  const requests = prompts.map((prompt, tag) => ({ tag, prompt, maxNewTokens: newTokens }));
  const out: number[][] = [];
  for (const finished of decodeAll(decoder, requests)) for (const { tag, ids } of finished) out[tag] = [...ids];
  return out;
}
