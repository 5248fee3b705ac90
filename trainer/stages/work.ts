import type { Stage } from '../../crds/stage.ts';
import type { StageContext, StageOutcome } from './context.ts';

/** Does a stage's work. Its module, and with it TensorFlow, is loaded only now. */
export async function work(stage: Stage, context: StageContext): Promise<StageOutcome> {
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
