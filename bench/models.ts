import { cp, mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { CftError } from '../crds/errors.ts';
import { referencePython } from '../scripts/reference-env.ts';
import { memoryContext } from '../trainer/stages/memory-context.ts';
import { type OpenModel, openModel } from '../trainer/stages/model.ts';
import { benchAnnotate } from './annotate.ts';
import { benchDecode } from './decode.ts';
import type { Comparison } from './pairs.ts';
import { makeModel, Peer } from './peer.ts';
import { benchTrain } from './train.ts';
import { EXAMPLE_WORKLOAD, exampleModel, RANDOM_WORKLOAD, type Workload } from './workload.ts';

type Benchmark = (model: OpenModel, peer: Peer, workload: Workload) => Promise<Comparison[]>;

/** Training changes the weights, so the others read them in the form that is faster for that. */
const BENCHMARKS: readonly { readonly run: Benchmark; readonly trainable: boolean }[] = [
  { run: benchDecode, trainable: false },
  { run: benchAnnotate, trainable: false },
  { run: benchTrain, trainable: true },
];

/** 88 million weights at random: what a step costs does not depend on them. */
const MEDIUM = {
  ...{ hidden_size: 896, intermediate_size: 4864, num_hidden_layers: 4, num_attention_heads: 14 },
  ...{ num_key_value_heads: 2, vocab_size: 32_000, tie_word_embeddings: true, max_position_embeddings: 2048 },
  ...{ eos_token_id: 1, pad_token_id: 0 },
};

/**
 * Prints, side by side with PyTorch and transformers in the same run, how many times as fast we are: on the example's model, and on one of
 * 88 million random weights.
 */
export async function benchModels(): Promise<void> {
  const python = referencePython();
  if (python === undefined)
    throw new CftError(
      'BackendUnavailable',
      'PyTorch and transformers, which the benchmark compares with, are not installed',
      { hint: 'run: npm run reference-env (about 6 GB)' },
    );
  process.stdout.write(`${cpus().length} x ${cpus()[0]?.model ?? 'unknown processor'}, fp32\n`);
  await benchModel(python, "the example's model", exampleModel, EXAMPLE_WORKLOAD);
  const medium = await mkdtemp(join(tmpdir(), 'cft-bench-'));
  try {
    await makeModel(python, medium, MEDIUM);
    for (const file of ['tokenizer.json', 'tokenizer_config.json'])
      await cp(join(exampleModel, file), join(medium, file));
    await benchModel(python, '88 million random weights, d 896, 4 layers, 32,000 tokens', medium, RANDOM_WORKLOAD);
  } finally {
    await rm(medium, { recursive: true, force: true });
  }
}

async function benchModel(python: string, title: string, dir: string, workload: Workload): Promise<void> {
  process.stdout.write(`\n${title}\n`);
  const widths = [36, 36, 12, 12, 26];
  const row = (cells: readonly string[]) =>
    process.stdout.write(`${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('')}\n`);
  row(['what', 'against', 'ours', 'theirs', 'times as fast (min-max)', 'same on both sides']);
  for (const { run, trainable } of BENCHMARKS) {
    const opened = openModel(dir, memoryContext(), { trainable });
    const [model, peer] = await Promise.all([opened, Peer.start(python, dir)]);
    try {
      for (const { name, peer: against, ours, theirs, ratio, low, high, same } of await run(model, peer, workload)) {
        const times = `${ratio.toFixed(2)} (${low.toFixed(2)}-${high.toFixed(2)})`;
        row([name, against, milliseconds(ours), milliseconds(theirs), times, same]);
      }
    } finally {
      peer.stop();
      model.close();
    }
  }
}

function milliseconds(seconds: number): string {
  return `${(1000 * seconds).toPrecision(3)} ms`;
}
