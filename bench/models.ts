import { cpus } from 'node:os';
import { CftError } from '../crds/errors.ts';
import { referencePython } from '../scripts/reference-env.ts';
import { memoryContext } from '../trainer/stages/memory-context.ts';
import { type OpenModel, openModel } from '../trainer/stages/model.ts';
import { benchAnnotate } from './annotate.ts';
import { benchDecode } from './decode.ts';
import type { Comparison } from './pairs.ts';
import { Peer } from './peer.ts';
import { benchTrain } from './train.ts';
import { exampleModel } from './workload.ts';

const BENCHMARKS: readonly ((model: OpenModel, peer: Peer) => Promise<Comparison>)[] = [
  benchDecode,
  benchAnnotate,
  benchTrain,
];

/** Prints, side by side with PyTorch and transformers in the same run, how many times as fast we are on the example's model. */
export async function benchModels(): Promise<void> {
  const python = referencePython();
  if (python === undefined)
    throw new CftError(
      'BackendUnavailable',
      'PyTorch and transformers, which the benchmark compares with, are not installed',
      {
        hint: 'run: npm run reference-env (about 6 GB)',
      },
    );
  process.stdout.write(
    `${cpus().length} x ${cpus()[0]?.model ?? 'unknown processor'}, model ${exampleModel}, fp32\n\n`,
  );
  const row = (cells: readonly string[]) =>
    process.stdout.write(`${cells.map((cell, i) => cell.padEnd([34, 36, 12, 12, 26][i] ?? 0)).join('')}\n`);
  row(['what', 'against', 'ours', 'theirs', 'times as fast (min-max)', 'same on both sides']);
  for (const benchmark of BENCHMARKS) {
    const [model, peer] = await Promise.all([
      openModel(exampleModel, memoryContext()),
      Peer.start(python, exampleModel),
    ]);
    try {
      const { name, peer: against, ours, theirs, ratio, low, high, same } = await benchmark(model, peer);
      row([
        name,
        against,
        milliseconds(ours),
        milliseconds(theirs),
        `${ratio.toFixed(2)} (${low.toFixed(2)}-${high.toFixed(2)})`,
        same,
      ]);
    } finally {
      peer.stop();
      model.close();
    }
  }
}

function milliseconds(seconds: number): string {
  return `${(1000 * seconds).toPrecision(3)} ms`;
}
