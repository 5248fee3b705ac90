import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BatchDecoder, decodeAll } from '../trainer/decode/batch.ts';
import type { DecodeEngine } from '../trainer/decode/engine.ts';
import type { Tokenizer } from '../trainer/tokenizer/tokenizer.ts';

const EXAMPLE = join(import.meta.dirname, '..', 'examples', 'gsm8k-equations');

export const exampleModel = join(EXAMPLE, 'model');

export interface Question {
  readonly prompt: readonly number[];
  readonly answer: string;
}

/** The first questions of the example's test split, as its model is prompted with them. */
export async function questions(tokenizer: Tokenizer, count: number): Promise<Question[]> {
  const lines = (await readFile(join(EXAMPLE, 'test.jsonl'), 'utf8')).split('\n').slice(0, count);
  return lines.map((line) => {
    const { question, answer } = JSON.parse(line) as { question: string; answer: string };
    return { prompt: tokenizer.encode(`${question}\n`), answer };
  });
}

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
