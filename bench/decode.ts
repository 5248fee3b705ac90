import { CftError } from '../crds/errors.ts';
import { DecodeEngine } from '../trainer/decode/engine.ts';
import type { OpenModel } from '../trainer/stages/model.ts';
import { type Comparison, compare, seconds } from './pairs.ts';
import type { Peer } from './peer.ts';
import { decodeGreedily, type Workload } from './workload.ts';

const BATCH = 64;

/** Batched greedy decoding of 64 prompts against transformers' generate on the same prompts. */
export async function benchDecode(model: OpenModel, peer: Peer, workload: Workload): Promise<Comparison[]> {
  const newTokens = workload.decodeTokens;
  const prompts = (await workload.questions(model.tokenizer, BATCH)).map(({ prompt }) => [...prompt]);
  const longest = Math.max(...prompts.map((prompt) => prompt.length));
  const engine = new DecodeEngine(model.session, model, {
    slots: BATCH,
    maxLength: longest + newTokens,
    name: 'bench-decode',
  });
  const none = new Set<number>();
  const ours = decodeGreedily(engine, prompts, newTokens, none);
  const { ids } = await peer.ask<{ ids: number[][] }>('decode', { prompts, newTokens });
  const equal = ours.filter((row, i) => JSON.stringify(row) === JSON.stringify(ids[i])).length;
  if (equal < BATCH * 0.95)
    throw new CftError('Internal', `only ${equal} of ${BATCH} sequences are the peer's`, { where: 'bench/decode.ts' });
  const row = await compare(
    {
      name: `greedy decoding, ${BATCH} prompts`,
      peer: 'transformers generate',
      same: `${equal} of ${BATCH} sequences equal`,
    },
    workload.pairs,
    () => seconds(() => decodeGreedily(engine, prompts, newTokens, none)),
    async () => (await peer.ask('decode', { prompts, newTokens })).seconds,
  );
  return [row];
}
