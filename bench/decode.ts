import { CftError } from '../crds/errors.ts';
import { DecodeEngine } from '../trainer/decode/engine.ts';
import type { OpenModel } from '../trainer/stages/model.ts';
import { type Comparison, compare, seconds } from './pairs.ts';
import type { Peer } from './peer.ts';
import { decodeGreedily, questions } from './workload.ts';

const BATCH = 64;
const NEW_TOKENS = 48;

/** Batched greedy decoding of 64 prompts, 48 tokens each, against transformers' generate on the same prompts. */
export async function benchDecode(model: OpenModel, peer: Peer): Promise<Comparison> {
  const prompts = (await questions(model.tokenizer, BATCH)).map(({ prompt }) => [...prompt]);
  const longest = Math.max(...prompts.map((prompt) => prompt.length));
  const engine = new DecodeEngine(model.session, model, {
    slots: BATCH,
    maxLength: longest + NEW_TOKENS,
    name: 'bench-decode',
  });
  const none = new Set<number>();
  const ours = decodeGreedily(engine, prompts, NEW_TOKENS, none);
  const { ids } = await peer.ask<{ ids: number[][] }>('decode', { prompts, newTokens: NEW_TOKENS });
  const equal = ours.filter((row, i) => JSON.stringify(row) === JSON.stringify(ids[i])).length;
  if (equal < BATCH * 0.95)
    throw new CftError('Internal', `only ${equal} of ${BATCH} sequences are the peer's`, { where: 'bench/decode.ts' });
  return compare(
    {
      name: `greedy decoding, batch ${BATCH}`,
      peer: 'transformers generate',
      same: `${equal} of ${BATCH} sequences equal`,
    },
    5,
    () => seconds(() => decodeGreedily(engine, prompts, NEW_TOKENS, none)),
    async () => (await peer.ask('decode', { prompts, newTokens: NEW_TOKENS })).seconds,
  );
}
