import { CftError } from '../crds/errors.ts';
import { SavingsSpec } from '../crds/spec/rollout.ts';
import type { ResponseRecord } from '../trainer/annotate/record.ts';
import type { Savings } from '../trainer/annotate/savings.ts';
import { memoryContext } from '../trainer/stages/memory-context.ts';
import { type OpenModel, openModel } from '../trainer/stages/model.ts';
import { createVerifier } from '../trainer/verify/create.ts';
import type { Verifier } from '../trainer/verify/verifier.ts';
import { annotation, correctResponses } from './annotate.ts';
import { type Comparison, compare, seconds } from './pairs.ts';
import { printHead, printRow } from './table.ts';
import { exampleModel, WORKLOADS, type Workload } from './workload.ts';

/** What the annotations of one side did, all together. */
interface Counts {
  rollouts: number;
  decoded: number;
  shared: number;
  early: number;
  accepted: number;
  guessed: number;
  idle: number;
  slots: number;
}

interface Saving {
  readonly name: string;
  readonly without: Partial<Savings>;
  readonly with?: Partial<Savings>;
  readonly verifier?: Verifier;
  /** What the counters say of it. */
  readonly told: (on: Counts, off: Counts) => string;
}

const SAVINGS: readonly Saving[] = [
  {
    name: 'lazyAlternatives',
    without: { lazyAlternatives: false },
    told: (on, off) => `${on.rollouts} rollouts for ${off.rollouts}`,
  },
  {
    name: 'sharedPrefix',
    without: { sharedPrefix: false },
    told: ({ shared, decoded }) => `${shared} tokens shared, ${decoded} decoded`,
  },
  {
    name: 'draftTokens: 3',
    with: { draftTokens: 3 },
    without: {},
    told: ({ accepted, guessed, decoded }) => `${accepted} of ${guessed} guesses taken, ${decoded} tokens decoded`,
  },
  {
    name: 'earlyStop',
    without: { earlyStop: false },
    verifier: createVerifier({ type: 'math', statement: 'first' }),
    told: (on, off) => `${on.early} rollouts ended early, ${on.decoded} tokens decoded for ${off.decoded}`,
  },
  {
    name: 'slotRefill',
    without: { slotRefill: false },
    told: (on, off) => `${percent(on.idle / on.slots)} of the slots idle for ${percent(off.idle / off.slots)}`,
  },
];

const RESPONSES = 16;
const PAIRS = 4;

/** Prints what each of annotation's savings is worth on the example's model: the same responses with it and without it, in turn. */
export async function benchSavings(pairs = PAIRS): Promise<void> {
  const whole = WORKLOADS.example;
  const workload = { ...whole, annotate: { ...whole.annotate, responses: RESPONSES, batchSize: 128 } };
  printHead(`annotation of ${RESPONSES} responses of the example's model, with each saving and without it`);
  for (const saving of SAVINGS) {
    const model = await openModel(exampleModel, memoryContext());
    try {
      printRow(await measure(saving, model, await correctResponses(model, workload), workload, pairs));
    } finally {
      model.close();
    }
  }
}

async function measure(
  { name, with: more = {}, without, verifier, told }: Saving,
  model: OpenModel,
  responses: readonly ResponseRecord[],
  workload: Workload,
  pairs: number,
): Promise<Comparison> {
  const side = async (label: string, changed: Partial<Savings>) => {
    const counts = { rollouts: 0, decoded: 0, shared: 0, early: 0, accepted: 0, guessed: 0, idle: 0, slots: 0 };
    const savings = { ...SavingsSpec.parse({}), ...changed };
    const annotate = await annotation(model, responses, workload, {
      ...{ savings, name: label, ...(verifier && { verifier }) },
      onRollout: ({ decoded, shared, finish }) => {
        counts.rollouts++;
        counts.decoded += decoded;
        counts.shared += shared;
        if (finish === 'decided') counts.early++;
      },
      onStep: ({ busy, idle, accepted, rejected }) => {
        counts.accepted += accepted;
        counts.guessed += accepted + rejected;
        counts.idle += idle;
        counts.slots += busy + idle;
      },
    });
    const masks = (await annotate()).map((record) => record.masks);
    return { annotate, masks: JSON.stringify(masks), counts: { ...counts } };
  };
  const [on, off] = [await side('with', more), await side('without', without)];
  if (on.masks !== off.masks)
    throw new CftError('Internal', `${name} changes the masks`, { where: 'bench/savings.ts' });
  return compare(
    { name, peer: 'without it', same: `all masks; ${told(on.counts, off.counts)}` },
    pairs,
    () => seconds(on.annotate),
    () => seconds(off.annotate),
  );
}

function percent(share: number): string {
  return `${(100 * share).toFixed(0)} %`;
}
