import { CftError } from '../crds/errors.ts';
import { DecodeEngine } from '../trainer/decode/engine.ts';
import type { OpenModel } from '../trainer/stages/model.ts';
import { createAdamW } from '../trainer/train/adamw.ts';
import { microBatches } from '../trainer/train/micro-batches.ts';
import { createTrainPrograms } from '../trainer/train/programs.ts';
import type { WeightedSequence } from '../trainer/train/sequence.ts';
import { type Comparison, compare, seconds } from './pairs.ts';
import type { Peer } from './peer.ts';
import { decodeGreedily, questions } from './workload.ts';

const BATCH = 32;
const NEW_TOKENS = 64;
const IGNORED = -100;

/** One optimizer step of plain SFT on 32 responses, against PyTorch eager on the same padded batch. Updates the model's weights. */
export async function benchTrain(model: OpenModel, peer: Peer): Promise<Comparison> {
  const sequences = await responses(model);
  const trained = model.variables;
  const optimizer = createAdamW(model.session, trained, {
    beta1: 0.9,
    beta2: 0.999,
    epsilon: 1e-8,
    weightDecay: 0.01,
    decay: 'all',
  });
  const programs = createTrainPrograms({ ...model, trained }, optimizer, 1);
  const batches = microBatches(sequences, BATCH, 'step', (shape) => shape);
  let count = 0;
  const step = () => programs.step(batches, optimizer.scalars(++count, 1e-4)).loss;
  const longest = Math.max(...sequences.map(({ ids }) => ids.length));
  const padded = (values: readonly number[], filler: number) => [
    ...values,
    ...Array.from({ length: longest - values.length }, () => filler),
  ];
  const ids = sequences.map((sequence) => padded(sequence.ids, 0));
  const labels = sequences.map((sequence) =>
    padded(
      sequence.ids.map((id, i) => (i < (sequence.promptLength ?? 0) ? IGNORED : id)),
      IGNORED,
    ),
  );
  const [ours, theirs] = [step(), (await peer.ask<{ loss: number }>('train', { ids, labels })).loss];
  if (Math.abs(ours - theirs) > 1e-3 * theirs)
    throw new CftError('Internal', `the first loss is ${ours}, the peer's ${theirs}`, { where: 'bench/train.ts' });
  return compare(
    {
      name: `SFT step, ${BATCH} x ${longest} tokens`,
      peer: 'PyTorch eager',
      same: `first loss ${ours.toFixed(5)} and ${theirs.toFixed(5)}`,
    },
    9,
    () => seconds(step),
    async () => (await peer.ask('train', { ids, labels })).seconds,
  );
}

async function responses(model: OpenModel): Promise<WeightedSequence[]> {
  const asked = await questions(model.tokenizer, BATCH);
  const longest = Math.max(...asked.map(({ prompt }) => prompt.length));
  const engine = new DecodeEngine(model.session, model, {
    slots: BATCH,
    maxLength: longest + NEW_TOKENS,
    name: 'bench-responses',
  });
  const out = decodeGreedily(
    engine,
    asked.map(({ prompt }) => prompt),
    NEW_TOKENS,
    new Set(model.tokenizer.eosTokenIds),
  );
  return asked.map(({ prompt }, i) => {
    const response = out[i] as number[];
    return {
      ids: [...prompt, ...response],
      weights: [...prompt.map(() => 0), ...response.map(() => 1)],
      promptLength: prompt.length,
    };
  });
}
