// `npm run bench`: the models beside PyTorch, transformers and llama.cpp; `npm run bench -- train [pairs]`: only that of decode, annotate and train.
// `operator [runs]`: the operator with many runs at once; `jobset [runs]`: beside JobSet's controller. `scale`: time and memory as models,
// batches and sequences grow. `savings [pairs]`: what each of annotation's savings is worth.
import { formatError } from '../crds/errors.ts';
import type { WorkloadName } from './workload.ts';

const RUNS = 500;

/** Loads only what the benchmark needs: the operator's needs no TensorFlow, the models' no cluster. */
async function main([what, count, rest]: readonly string[]): Promise<void> {
  if (what === 'scale') await (await import('./scale.ts')).benchScale();
  else if (what === 'savings')
    await (await import('./savings.ts')).benchSavings(count === undefined ? undefined : Number(count));
  else if (what === 'scale-point') await (await import('./scale.ts')).measurePoint(count ?? '', rest ?? '{}');
  else if (what === 'work-alone') await (await import('./alone.ts')).workAlone(count ?? '', rest as WorkloadName);
  else if (what === 'operator') await (await import('./operator.ts')).benchOperator(Number(count ?? RUNS));
  else if (what === 'jobset') await (await import('./jobset.ts')).benchJobSet(Number(count ?? RUNS));
  else await (await import('./models.ts')).benchModels(what, count === undefined ? undefined : Number(count));
}

main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`${formatError(error)}\n`);
  process.exitCode = 1;
});
