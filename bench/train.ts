import { CftError } from '../crds/errors.ts';
import { DecodeEngine } from '../trainer/decode/engine.ts';
import type { OpenModel } from '../trainer/stages/model.ts';
import type { WeightedSequence } from '../trainer/train/sequence.ts';
import type { Alone, Measured, Setting } from './benchmark.ts';
import { stepFlops } from './flops.ts';
import { measureProducts, peakOf } from './limits.ts';
import { type Comparison, compare, type Row, seconds } from './pairs.ts';
import { type Peer, withPeer } from './peer.ts';
import { giga } from './table.ts';
import { createTrainer } from './trainer.ts';
import { decodeGreedily, type Workload } from './workload.ts';

const IGNORED = -100;
/** Steps whose memory is compared: from the second on PyTorch has the optimizer's moments beside the activations. */
const ALONE = 2;

/** Which response tokens are trained: all, or every tenth, as if those were the critical ones. */
const SFT = { label: 'SFT step', isTrained: () => true };
const CFT = { label: 'CFT step, 10 % critical', isTrained: (t: number) => t % 10 === 4 };

const EAGER = { fp32: 'PyTorch eager', bf16: 'PyTorch eager, bf16 autocast' } as const;
const COMPILED = 'PyTorch, torch.compile';

/** A step of ours, and the same for the peer: sequences padded to the longest. */
interface Step {
  readonly label: string;
  readonly sequences: readonly WeightedSequence[];
  readonly run: () => number;
  readonly batch: { readonly ids: readonly number[][]; readonly labels: readonly number[][] };
}

/** One optimizer step on some responses, against PyTorch on the same padded batch. Updates the weights on both sides. */
export async function benchTrain(setting: Setting): Promise<Measured> {
  const { model, precision, peer, workload, limits } = setting;
  const responses = await greedyResponses(model, workload);
  const longest = Math.max(...responses.map(({ ids }) => ids.length));
  const trainer = createTrainer(model);
  const stepOf = ({ label, isTrained }: typeof SFT | typeof CFT): Step => {
    const sequences = responses.map(({ ids, promptLength }) => ({
      ...{ ids, promptLength },
      weights: ids.map((_, i) => (i >= promptLength && isTrained(i - promptLength) ? 1 : 0)),
    }));
    return {
      ...{ label: `${label}, ${sequences.length} x ${longest}`, sequences, run: trainer(sequences) },
      batch: { ids: paddedIds(sequences, longest), labels: paddedLabels(sequences, longest) },
    };
  };
  const sft = stepOf(SFT);
  const first = sft.run();
  const eager = await compareSteps(sft, first, EAGER[precision], peer, workload.pairs);
  const alone: Alone = {
    ...{ name: SFT.label, peer: EAGER[precision] },
    ours: { kind: 'train', precision, sequences: sft.sequences, steps: ALONE },
    theirs: { command: 'train', parameters: { ...sft.batch, steps: ALONE } },
  };
  if (precision !== 'fp32') return { rows: [eager], alone };
  const peak = peakOf(limits, await measureProducts(peer));
  // Both sides have taken as many steps until here, so their losses can be compared again.
  const cft = stepOf(CFT);
  const critical = await compareSteps(cft, cft.run(), EAGER.fp32, peer, workload.pairs);
  const compiled = await againstCompiled(setting, sft, first);
  const share = shareOfPeak(eager, stepFlops(model.config, sft.sequences), peak);
  return { rows: [eager, compiled, share, critical], alone };
}

/** @param first our loss with the weights that the peer has now */
async function compareSteps(step: Step, first: number, name: string, peer: Peer, pairs: number): Promise<Comparison> {
  const { loss } = await peer.ask<{ loss: number }>('train', step.batch);
  if (Math.abs(first - loss) > 1e-3 * loss)
    throw new CftError('Internal', `the first loss is ${first}, that of ${name} ${loss}`, { where: 'bench/train.ts' });
  return compare(
    { name: step.label, peer: name, same: `first loss ${first.toFixed(5)} and ${loss.toFixed(5)}` },
    pairs,
    () => seconds(step.run),
    async () => (await peer.ask('train', step.batch)).seconds,
  );
}

/** In another process, with the weights as they are in the file. */
function againstCompiled({ python, dir, workload }: Setting, step: Step, first: number): Promise<Row> {
  return withPeer({ python, dir }, async (peer) => {
    const { missing } = await peer.ask<{ missing?: string }>('compile');
    if (missing !== undefined) return { name: step.label, peer: COMPILED, leftOut: missing };
    // The first run since the other step was declared, for which TensorFlow loaded the session again.
    step.run();
    return compareSteps(step, first, COMPILED, peer, workload.pairs);
  });
}

/** A row of steps in seconds as parts of the matrix products' peak. */
function shareOfPeak(row: Comparison, flops: number, peak: number): Comparison {
  const share = (time: number) => flops / time / peak;
  return {
    ...{ ...row, name: `${SFT.label}, share of the matmul peak`, unit: 'share' },
    ...{ ours: share(row.ours), theirs: share(row.theirs), same: `${giga(flops)} GFLOP a step, peak ${giga(peak)}` },
  };
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
