// `npm run bench`: the models beside PyTorch and transformers. `npm run bench -- operator [runs]`: the operator with many runs at once;
// `jobset [runs]`: beside JobSet's controller. `scale`: time and memory as models, batches and sequences grow.
import { CftError, formatError } from '../crds/errors.ts';

const RUNS = 500;

/** Loads only what the benchmark needs: the operator's needs no TensorFlow, the models' no cluster. */
async function main([what, count, rest]: readonly string[]): Promise<void> {
  if (what === undefined) await (await import('./models.ts')).benchModels();
  else if (what === 'scale') await (await import('./scale.ts')).benchScale();
  else if (what === 'scale-point') await (await import('./scale.ts')).measurePoint(count ?? '', rest ?? '{}');
  else if (what === 'operator') await (await import('./operator.ts')).benchOperator(Number(count ?? RUNS));
  else if (what === 'jobset') await (await import('./jobset.ts')).benchJobSet(Number(count ?? RUNS));
  else
    throw new CftError('InvalidArgument', `there is no benchmark ${what}`, {
      hint: 'leave it out, or say scale, operator or jobset',
    });
}

main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`${formatError(error)}\n`);
  process.exitCode = 1;
});
