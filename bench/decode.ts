import { CftError } from '../crds/errors.ts';
import { llamaPython } from '../scripts/reference-env.ts';
import { DecodeEngine } from '../trainer/decode/engine.ts';
import type { OpenModel } from '../trainer/stages/model.ts';
import type { Measured, Setting, Work } from './benchmark.ts';
import { type Comparison, compare, type Row, seconds } from './pairs.ts';
import { type Peer, withPeer } from './peer.ts';
import { decodeGreedily } from './workload.ts';

const BATCH = 64;
const NAME = `greedy decoding, ${BATCH} prompts`;

/**
 * transformers, in the same format as we. In bfloat16 its logits are such numbers too, of which those from 8 to 16 lie
 * 0.06 apart: many choices are between equals.
 */
const TRANSFORMERS = {
  fp32: { name: 'transformers generate', nearTie: 0.001 },
  bf16: { name: 'transformers generate, bf16', nearTie: 0.1 },
} as const;

/** llama.cpp as it comes, with a cache in half precision, and in fp32 throughout. */
const LLAMA = [
  { name: 'llama.cpp', parameters: { precise: false }, nearTie: 0.05 },
  { name: 'llama.cpp, all in fp32', parameters: { precise: true }, nearTie: 0.001 },
] as const;

type Decoding = Pick<Work & { kind: 'decode' }, 'prompts' | 'newTokens'>;

/** Batched greedy decoding of 64 prompts against transformers' generate and llama.cpp's parallel sequences on the same prompts. */
export async function benchDecode({ model, precision, dir, peer, workload }: Setting): Promise<Measured> {
  const prompts = (await workload.questions(model.tokenizer, BATCH)).map(({ prompt }) => [...prompt]);
  const work = { prompts, newTokens: workload.decodeTokens };
  const decode = greedyDecoding(model, work);
  const against = (opponent: Opponent) => compareWith(opponent, work, decode, workload.pairs);
  const transformers = TRANSFORMERS[precision];
  return {
    rows: [
      await against({ ...transformers, peer, parameters: {} }),
      ...(precision === 'fp32' ? await againstLlama(dir, against) : []),
    ],
    alone: {
      ...{ name: 'greedy decoding', peer: transformers.name },
      ours: { kind: 'decode', precision, ...work },
      theirs: { command: 'decode', parameters: work },
    },
  };
}

/** @returns greedy decoding of all prompts at once, which can be done again and again */
export function greedyDecoding(model: OpenModel, { prompts, newTokens }: Decoding): () => number[][] {
  const maxLength = Math.max(...prompts.map((prompt) => prompt.length)) + newTokens;
  const engine = new DecodeEngine(model.session, model, { slots: prompts.length, maxLength, name: 'bench-decode' });
  return () => decodeGreedily(engine, prompts, newTokens, new Set());
}

/** Another implementation of greedy decoding. */
interface Opponent {
  readonly name: string;
  readonly peer: Peer;
  readonly parameters: Readonly<Record<string, unknown>>;
  /** Two tokens whose logits are less than that apart there may come out the other way round. */
  readonly nearTie: number;
}

async function againstLlama(dir: string, against: (opponent: Opponent) => Promise<Comparison>): Promise<Row[]> {
  const python = llamaPython();
  if (python === undefined) {
    const leftOut = 'not installed: npm run reference-env -- llama.cpp';
    return LLAMA.map(({ name }) => ({ name: NAME, peer: name, leftOut }));
  }
  return withPeer({ python, dir, script: 'llama.py' }, async (peer) => {
    const rows: Row[] = [];
    for (const kind of LLAMA) rows.push(await against({ ...kind, peer }));
    return rows;
  });
}

async function compareWith(
  { name, peer, parameters, nearTie }: Opponent,
  work: Decoding,
  decode: () => number[][],
  pairs: number,
): Promise<Comparison> {
  const request = { ...work, ...parameters };
  const theirs = await peer.ask<Decoded>('decode', { ...request, margins: true });
  const partings = decode().flatMap((ids, i) => partingMargin(ids, i, theirs));
  const widest = Math.max(0, ...partings);
  if (widest > nearTie)
    throw new CftError('Internal', `a sequence is not that of ${name} from two tokens on that are ${widest} apart`, {
      where: 'bench/decode.ts',
    });
  const others = partings.length === 0 ? '' : ', the others up to a near-tie';
  return compare(
    { name: NAME, peer: name, same: `${BATCH - partings.length} of ${BATCH} sequences equal${others}` },
    pairs,
    () => seconds(decode),
    async () => (await peer.ask('decode', request)).seconds,
  );
}

interface Decoded {
  readonly ids: readonly (readonly number[])[];
  /** How far apart the two likeliest tokens were at each place. */
  readonly margins: readonly (readonly number[])[];
}

/** The peer's margin where its sequence i parts from ours; nothing if it does not. */
function partingMargin(ours: readonly number[], i: number, { ids, margins }: Decoded): number[] {
  const place = ours.findIndex((id, t) => id !== ids[i]?.[t]);
  return place < 0 ? [] : [margins[i]?.[place] as number];
}
