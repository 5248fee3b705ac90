import type { Stage } from '../../crds/stage.ts';
import type { StageContext, StageOutcome } from './context.ts';

type Work = (stage: Stage, context: StageContext) => Promise<StageOutcome>;

/** Does a stage's work. Its module, and with it TensorFlow, is loaded only now. */
export async function work(stage: Stage, context: StageContext): Promise<StageOutcome> {
  const modules = (await import(new URL(`./${stage.kind}.ts`, import.meta.url).href)) as Record<string, Work>;
  const run = modules[stage.kind];
  if (run === undefined) throw new TypeError(`trainer/stages/${stage.kind}.ts does not export ${stage.kind}`);
  return run(stage, context);
}
