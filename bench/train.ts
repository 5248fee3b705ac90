import { CftError } from '../crds/errors.ts';
import { DecodeEngine } from '../trainer/decode/engine.ts';
import type { OpenModel } from '../trainer/stages/model.ts';
import type { WeightedSequence } from '../trainer/train/sequence.ts';
import { type Comparison, compare, seconds } from './pairs.ts';
import type { Peer } from './peer.ts';
import { createTrainer } from './trainer.ts';
import { decodeGreedily, type Workload } from './workload.ts';

const IGNORED = -100;

/** Which response tokens are trained: all, or every tenth, as if those were the critical ones. */
const KINDS = [
  { label: 'SFT step', isTrained: () => true },
  { label: 'CFT step, 10 % critical', isTrained: (t: number) => t % 10 === 4 },
] as const;

/** One optimizer step on some responses, against PyTorch eager on the same padded batch. Updates the model's weights. */
export async function benchTrain(model: OpenModel, peer: Peer, workload: Workload): Promise<Comparison[]> {
  const responses = await greedyResponses(model, workload);
  const trainer = createTrainer(model);
  const longest = Math.max(...responses.map(({ ids }) => ids.length));
  const rows: Comparison[] = [];
  for (const { label, isTrained } of KINDS) {
    const sequences = responses.map(({ ids, promptLength }) => ({
      ...{ ids, promptLength },
      weights: ids.map((_, i) => (i >= promptLength && isTrained(i - promptLength) ? 1 : 0)),
    }));
    const step = trainer(sequences);
    const batch = { ids: paddedIds(sequences, longest), labels: paddedLabels(sequences, longest) };
    const [ours, theirs] = [step(), (await peer.ask<{ loss: number }>('train', batch)).loss];
    if (Math.abs(ours - theirs) > 1e-3 * theirs)
      throw new CftError('Internal', `the first loss is ${ours}, the peer's ${theirs}`, { where: 'bench/train.ts' });
    rows.push(
      await compare(
        {
          name: `${label}, ${sequences.length} x ${longest}`,
          peer: 'PyTorch eager',
          same: `first loss ${ours.toFixed(5)} and ${theirs.toFixed(5)}`,
        },
        workload.pairs,
        () => seconds(step),
        async () => (await peer.ask('train', batch)).seconds,
      ),
    );
  }
  return rows;
}

function padded(values: readonly number[], length: number, filler: number): number[] {
  return Array.from({ length }, (_, i) => values[i] ?? filler);
}

function paddedIds(sequences: readonly WeightedSequence[], length: number): number[][] {
  return sequences.map(({ ids }) => padded(ids, length, 0));
}

function paddedLabels(sequences: readonly WeightedSequence[], length: number): number[][] {
  return sequences.map(({ ids, weights }) =>
    padded(
      ids.map((id, i) => (weights[i] === 0 ? IGNORED : id)),
      length,
      IGNORED,
    ),
  );
}

async function greedyResponses(
  model: OpenModel,
  workload: Workload,
): Promise<{ readonly ids: readonly number[]; readonly promptLength: number }[]> {
  const { sequences, newTokens } = workload.train;
  const asked = await workload.questions(model.tokenizer, sequences);
  const longest = Math.max(...asked.map(({ prompt }) => prompt.length));
  const options = { slots: sequences, maxLength: longest + newTokens, name: 'bench-responses' };
  const engine = new DecodeEngine(model.session, model, options);
  const prompts = asked.map(({ prompt }) => prompt);
  const out = decodeGreedily(engine, prompts, newTokens, new Set(model.tokenizer.eosTokenIds));
  return prompts.map((prompt, i) => ({ ids: [...prompt, ...(out[i] as number[])], promptLength: prompt.length }));
}
