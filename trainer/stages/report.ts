import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { CftError } from '../../crds/errors.ts';
import { writeFileAtomic, writeJsonAtomic } from '../../crds/files.ts';
import type { ReportParams, ReportStage } from '../../crds/stage.ts';
import { names } from '../report/files.ts';
import { gatherReport } from '../report/gather.ts';
import { renderPage } from '../report/page.ts';
import { summarize } from '../report/summary.ts';
import type { StageContext, StageOutcome } from './context.ts';

const { version } = createRequire(import.meta.url)('../../package.json') as { version: string };

/** The report stage: `<output>/index.html`, the page, and `<output>/report.json`, its numbers. */
export async function report(stage: ReportStage, context: StageContext): Promise<StageOutcome> {
  const page = join(stage.runDir, stage.params.output, 'index.html');
  return writeReport(stage.runDir, page, context, stage.params);
}

/**
 * `cft report --run-dir DIR [--out FILE]`: the report of whatever a run directory holds, also of a run that is not finished.
 *
 * @param page where the page goes; report.json goes beside it
 * @param params what to read, if a plan says it; otherwise run.json or what lies in the directory does
 * @throws CftError FileNotFound if there is no such directory or nothing in it, CorruptFile for a file that cannot be read
 */
export async function writeReport(
  runDir: string,
  page: string,
  context: StageContext,
  params?: ReportParams,
): Promise<StageOutcome> {
  if ((await names(runDir)).length === 0)
    throw new CftError('FileNotFound', 'there is no run in this directory', {
      where: runDir,
      hint: 'pass the directory that holds run.json, as `cft run` prints it',
    });
  context.progress.update({ phase: 'report', done: 0, total: 2 });
  const data = await gatherReport(runDir, {
    ...(params === undefined ? {} : { params }),
    now: context.now,
    versions: [
      ['cft', version],
      ['Node', process.versions.node],
    ],
    pause: context.cancellationPoint,
  });
  context.progress.update({ phase: 'report', done: 1, total: 2 });
  const summary = join(dirname(page), 'report.json');
  await writeJsonAtomic(summary, summarize(data));
  await writeFileAtomic(page, renderPage(data));
  context.progress.update({ phase: 'report', done: 2, total: 2 });
  context.logger.info('report written', { page });
  return {
    metrics: { examples: data.examples.length, trials: data.trials.length, warnings: data.warnings.length },
    artifacts: { report: relative(runDir, page), summary: relative(runDir, summary) },
  };
}
