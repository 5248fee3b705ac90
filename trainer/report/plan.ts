import { join } from 'node:path';
import { z } from 'zod';
import { CftRun } from '../../crds/cftrun.ts';
import { type ReportParams, Stage } from '../../crds/stage.ts';
import { planStages } from '../../crds/stages.ts';
import { names, readJson } from './files.ts';

/**
 * What there is to report in a run directory: as the run's manifest has it, or without one as the stages that were run there say.
 * Annotation files count also where nothing else is known.
 *
 * @throws CftError CorruptFile for a run.json or stage.json that is not JSON
 */
export async function planOf(runDir: string): Promise<ReportParams> {
  const run = CftRun.safeParse(await readJson(join(runDir, 'run.json'), z.unknown()));
  if (run.success) {
    const report = planStages(run.data, { manifestDir: runDir, runDir }).find((stage) => stage.kind === 'report');
    if (report !== undefined) return report.params;
  }
  const stages = await readStagePlans(runDir);
  const annotations = (await names(join(runDir, 'annotations'))).filter((name) => name.endsWith('.jsonl'));
  return {
    criterion: stages.flatMap((stage) => (stage.kind === 'annotate' ? stage.params.criterion : []))[0] ?? 'strict-3',
    annotations: annotations.map((name) => `annotations/${name}`),
    trials: stages.flatMap((stage) => {
      if (stage.kind !== 'train') return [];
      const { variant, objective, learningRate, seed, output } = stage.params;
      return { stage: stage.name, variant, objective, learningRate, seed, path: output };
    }),
    evaluations: stages.flatMap((stage) =>
      stage.kind === 'evaluate' ? { stage: stage.name, target: stage.params.target, path: stage.params.output } : [],
    ),
    output: 'report',
  };
}

/** The stages that were started in a run directory, as far as this version understands their description. */
async function readStagePlans(runDir: string): Promise<Stage[]> {
  const found: Stage[] = [];
  for (const name of await names(join(runDir, 'stages'))) {
    const stage = Stage.safeParse(await readJson(join(runDir, 'stages', name, 'stage.json'), z.unknown()));
    if (stage.success) found.push(stage.data);
  }
  return found;
}
