import type { Stage } from '../../crds/stage.ts';
import { hasRemoteSource } from '../sources/remote-source.ts';
import type { StageContext, StageOutcome } from './context.ts';

/** Does a stage's work, after what lies elsewhere was fetched. Its module, and with it TensorFlow, is loaded only now. */
export async function work(planned: Stage, context: StageContext): Promise<StageOutcome> {
  const stage = hasRemoteSource(planned) ? await fetched(planned, context) : planned;
  switch (stage.kind) {
    case 'generate':
      return (await import('./generate.ts')).generate(stage, context);
    case 'annotate':
      return (await import('./annotate.ts')).annotate(stage, context);
    case 'train':
      return (await import('./train.ts')).train(stage, context);
    case 'evaluate':
      return (await import('./evaluate.ts')).evaluate(stage, context);
    case 'report':
      return (await import('./report.ts')).report(stage, context);
  }
}

async function fetched(stage: Stage, context: StageContext): Promise<Stage> {
  const { withLocalSources } = await import('../sources/stage-sources.ts');
  const { logger, signal } = context;
  return withLocalSources(stage, { env: process.env, logger, signal, now: () => context.now() });
}
