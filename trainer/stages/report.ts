import { createRequire } from 'node:module';
import { join } from 'node:path';
import { CftError } from '../../crds/errors.ts';
import { writeFileAtomic, writeJsonAtomic } from '../../crds/files.ts';
import type { ReportStage } from '../../crds/stage.ts';
import { names } from '../report/files.ts';
import { gatherReport } from '../report/gather.ts';
import { renderPage } from '../report/page.ts';
import { summarize } from '../report/summary.ts';
import type { StageContext, StageOutcome } from './context.ts';

const { version } = createRequire(import.meta.url)('../../package.json') as { version: string };

/**
 * The report stage: `<output>/index.html`, the page, and `<output>/report.json`, its numbers. Also of a run that is not finished: what is
 * missing in the run's directory is missing in the report.
 *
 * @throws CftError FileNotFound if the run's directory is empty, CorruptFile for a file of it that cannot be read
 */
export async function report({ runDir, params }: ReportStage, context: StageContext): Promise<StageOutcome> {
  if ((await names(runDir)).length === 0)
    throw new CftError('FileNotFound', 'there is no run in this directory', {
      where: runDir,
      hint: 'pass the directory that `cft run` worked in',
    });
  context.progress.update({ phase: 'read', done: 0, total: 1 });
  const data = await gatherReport(runDir, params, {
    now: context.now,
    versions: [
      ['cft', version],
      ['Node', process.versions.node],
    ],
    pause: context.cancellationPoint,
  });
  context.progress.update({ phase: 'read', done: 1, total: 1 });
  const [page, summary] = [join(params.output, 'index.html'), join(params.output, 'report.json')];
  await writeJsonAtomic(join(runDir, summary), summarize(data));
  await writeFileAtomic(join(runDir, page), renderPage(data));
  if (params.export !== undefined) await copyTo(params.export, runDir, context);
  return {
    metrics: { trials: data.trials.length, examples: data.examples.length, warnings: data.warnings.length },
    artifacts: { report: page, summary },
  };
}

/** What speaks to other places is loaded only for a run that asks for it. */
async function copyTo(destination: string, runDir: string, context: StageContext): Promise<void> {
  const { exportRun } = await import('../sources/export.ts');
  const { logger, signal } = context;
  const done = await exportRun(runDir, destination, { env: process.env, logger, signal, now: () => context.now() });
  logger.info('run exported', { to: destination, ...done });
}
