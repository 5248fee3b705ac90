import { CftError } from '../crds/errors.ts';
import { llamaPython } from '../scripts/reference-env.ts';
import { DecodeEngine } from '../trainer/decode/engine.ts';
import type { OpenModel } from '../trainer/stages/model.ts';
import type { Measured, Setting, Work } from './benchmark.ts';
import { type Comparison, compare, type LeftOut, seconds } from './pairs.ts';
import { Peer } from './peer.ts';
import { decodeGreedily } from './workload.ts';

const BATCH = 64;
const NAME = `greedy decoding, ${BATCH} prompts`;
const LLAMA = 'llama.cpp, parallel sequences';

/** Batched greedy decoding of 64 prompts against transformers' generate and llama.cpp's batches on the same prompts. */
export async function benchDecode({ model, dir, peer, workload }: Setting): Promise<Measured> {
  const newTokens = workload.decodeTokens;
  const prompts = (await workload.questions(model.tokenizer, BATCH)).map(({ prompt }) => [...prompt]);
  const decode = greedyDecoding(model, { prompts, newTokens });
  const against = (name: string, other: Peer) =>
    compareWith(name, other, { prompts, newTokens }, decode, workload.pairs);
  return {
    rows: [await against('transformers generate', peer), await againstLlama(dir, against)],
    alone: {
      ...{ name: 'greedy decoding', peer: 'transformers generate' },
      ours: { kind: 'decode', prompts, newTokens },
      theirs: { command: 'decode', parameters: { prompts, newTokens } },
    },
  };
}

/** @returns greedy decoding of all prompts at once, which can be done again and again */
export function greedyDecoding(
  model: OpenModel,
  { prompts, newTokens }: Pick<Work & { kind: 'decode' }, 'prompts' | 'newTokens'>,
): () => number[][] {
  const maxLength = Math.max(...prompts.map((prompt) => prompt.length)) + newTokens;
  const engine = new DecodeEngine(model.session, model, { slots: prompts.length, maxLength, name: 'bench-decode' });
  return () => decodeGreedily(engine, prompts, newTokens, new Set());
}

async function compareWith(
  name: string,
  peer: Peer,
  request: { readonly prompts: readonly (readonly number[])[]; readonly newTokens: number },
  decode: () => number[][],
  pairs: number,
): Promise<Comparison> {
  const ours = decode();
  const { ids } = await peer.ask<{ ids: number[][] }>('decode', request);
  const equal = ours.filter((row, i) => JSON.stringify(row) === JSON.stringify(ids[i])).length;
  if (equal < BATCH * 0.95)
    throw new CftError('Internal', `only ${equal} of ${BATCH} sequences are those of ${name}`, {
      where: 'bench/decode.ts',
    });
  return compare(
    { name: NAME, peer: name, same: `${equal} of ${BATCH} sequences equal` },
    pairs,
    () => seconds(decode),
    async () => (await peer.ask('decode', request)).seconds,
  );
}

async function againstLlama(
  dir: string,
  against: (name: string, peer: Peer) => Promise<Comparison>,
): Promise<Comparison | LeftOut> {
  const python = llamaPython();
  if (python === undefined)
    return { name: NAME, peer: LLAMA, leftOut: 'llama.cpp is not installed: npm run reference-env -- llama.cpp' };
  const peer = await Peer.start(python, 'llama.py', dir);
  return against(LLAMA, peer).finally(() => peer.stop());
}
