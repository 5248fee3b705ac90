import { cp, mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { CftError } from '../crds/errors.ts';
import { referencePython } from '../scripts/reference-env.ts';
import { memoryContext } from '../trainer/stages/memory-context.ts';
import { openModel } from '../trainer/stages/model.ts';
import type { Precision } from '../trainer/tensor/lower.ts';
import { benchAnnotate } from './annotate.ts';
import type { Benchmark, Setting } from './benchmark.ts';
import { benchDecode } from './decode.ts';
import { type Limits, measureLimits } from './limits.ts';
import { compareMemory } from './memory.ts';
import { makeModel, type Numbers, withPeer } from './peer.ts';
import { giga, printHead, printRow } from './table.ts';
import { benchTrain } from './train.ts';
import { exampleModel, WORKLOADS, type Workload, type WorkloadName } from './workload.ts';

/** A benchmark in one precision. Training changes the weights, so the others read them in the form that is faster for that. */
interface Entry {
  readonly run: Benchmark;
  readonly trainable: boolean;
  readonly precision: Precision;
  /** What the peer computes with. */
  readonly numbers: Numbers;
}

const FP32 = { precision: 'fp32', numbers: 'float32' } as const;

/** By their names on the command line. */
const BENCHMARKS: Readonly<Record<string, readonly Entry[]>> = {
  decode: [
    { run: benchDecode, trainable: false, ...FP32 },
    { run: benchDecode, trainable: false, precision: 'bf16', numbers: 'bfloat16' },
  ],
  annotate: [{ run: benchAnnotate, trainable: false, ...FP32 }],
  train: [
    { run: benchTrain, trainable: true, ...FP32 },
    { run: benchTrain, trainable: true, precision: 'bf16', numbers: 'autocast' },
  ],
};

/** 88 million weights at random: what a step costs does not depend on them. */
const MEDIUM = {
  ...{ hidden_size: 896, intermediate_size: 4864, num_hidden_layers: 4, num_attention_heads: 14 },
  ...{ num_key_value_heads: 2, vocab_size: 32_000, tie_word_embeddings: true, max_position_embeddings: 2048 },
  ...{ eos_token_id: 1, pad_token_id: 0 },
};

/**
 * Prints, side by side with other implementations in the same run, how many times as fast we are: on the example's model, and on one of
 * 88 million random weights.
 *
 * @param only  name of the one benchmark to do; undefined: all
 * @param pairs runs of each side; undefined: as many as the workload says
 * @throws CftError InvalidArgument if there is no such benchmark, BackendUnavailable where PyTorch and transformers are not installed
 */
export async function benchModels(only?: string, pairs?: number): Promise<void> {
  if (only !== undefined && !Object.hasOwn(BENCHMARKS, only))
    throw new CftError('InvalidArgument', `there is no benchmark ${only}`, {
      hint: `leave it out, or say ${Object.keys(BENCHMARKS).join(', ')}, savings, scale, operator or jobset`,
    });
  const python = referencePython();
  if (python === undefined)
    throw new CftError(
      'BackendUnavailable',
      'PyTorch and transformers, which the benchmark compares with, are not installed',
      { hint: 'run: npm run reference-env (about 6 GB)' },
    );
  const limits = await withPeer({ python, dir: exampleModel }, measureLimits);
  printMachine(limits);
  const chosen = Object.entries(BENCHMARKS)
    .filter(([name]) => only === undefined || name === only)
    .flatMap(([, entries]) => entries);
  const bench = async (title: string, dir: string, workload: WorkloadName) => {
    printHead(title);
    for (const entry of chosen) {
      const { precision, numbers } = entry;
      const { rows, alone } = await withModel(dir, python, entry, (opened) =>
        entry.run({ ...opened, precision, dir, python, limits, workload: repeated(WORKLOADS[workload], pairs) }),
      );
      for (const row of rows) printRow(row);
      printRow(await compareMemory(alone, { python, dir, numbers }, workload));
    }
  };
  await bench("the example's model", exampleModel, 'example');
  const medium = await mkdtemp(join(tmpdir(), 'cft-bench-'));
  try {
    await makeModel(python, medium, MEDIUM);
    for (const file of ['tokenizer.json', 'tokenizer_config.json'])
      await cp(join(exampleModel, file), join(medium, file));
    await bench('88 million random weights, d 896, 4 layers, 32,000 tokens', medium, 'random');
  } finally {
    await rm(medium, { recursive: true, force: true });
  }
}

function printMachine({ tensorflow, pytorch, copy, triad }: Limits): void {
  process.stdout.write(
    `${cpus().length} x ${cpus()[0]?.model ?? 'unknown processor'}, fp32 where nothing else is said\n` +
      `fp32 matrix products at most: TensorFlow ${giga(tensorflow)} GFLOP/s, PyTorch ${giga(pytorch)} GFLOP/s\n` +
      `memory at most: copy ${giga(copy)} GB/s, triad ${giga(triad)} GB/s\n`,
  );
}

function repeated(workload: Workload, pairs: number | undefined): Workload {
  if (pairs === undefined) return workload;
  return { ...workload, pairs, annotate: { ...workload.annotate, definitions: pairs } };
}

async function withModel<T>(
  dir: string,
  python: string,
  { trainable, precision, numbers }: Entry,
  work: (opened: Pick<Setting, 'model' | 'peer'>) => Promise<T>,
): Promise<T> {
  const model = await openModel(dir, memoryContext(), { trainable, precision });
  return withPeer({ python, dir, numbers }, (peer) => work({ model, peer })).finally(() => model.close());
}
