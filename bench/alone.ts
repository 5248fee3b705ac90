import { json } from 'node:stream/consumers';
import { memoryContext } from '../trainer/stages/memory-context.ts';
import { type OpenModel, openModel } from '../trainer/stages/model.ts';
import { annotation } from './annotate.ts';
import type { Work } from './benchmark.ts';
import { greedyDecoding } from './decode.ts';
import { peakMemory } from './memory.ts';
import { createTrainer } from './trainer.ts';
import { WORKLOADS, type Workload, type WorkloadName } from './workload.ts';

/** Does the work that standard input tells in this process, and prints how many bytes the process needed at most. */
export async function workAlone(dir: string, workload: WorkloadName): Promise<void> {
  const work = (await json(process.stdin)) as Work;
  const { precision } = work;
  const model = await openModel(dir, memoryContext(), { precision, trainable: work.kind === 'train' });
  const run = await workOf(work, model, WORKLOADS[workload]);
  await run();
  process.stdout.write(String(peakMemory()));
}

function workOf(work: Work, model: OpenModel, workload: Workload): (() => unknown) | Promise<() => unknown> {
  if (work.kind === 'decode') return greedyDecoding(model, work);
  if (work.kind === 'annotate') return annotation(model, work.responses, workload);
  const step = createTrainer(model)(work.sequences);
  return () => Array.from({ length: work.steps }, step);
}
