/** `node helm/generate/main.ts` writes the chart's dashboards; `--check` says whether they are up to date. */
import { writeOrCheck } from '../../scripts/generated.ts';
import { dashboardFiles } from './dashboards/files.ts';

await writeOrCheck('node helm/generate/main.ts', dashboardFiles());
