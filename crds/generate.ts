/** `node crds/generate.ts` writes the CRD, and the chart's template of it, from the schema; `--check` says whether they are up to date. */
import { writeOrCheck } from '../scripts/generated.ts';
import { cftRunCrdTemplate } from './chart-template.ts';
import { cftRunCrdYaml } from './crd.ts';

await writeOrCheck(
  'node crds/generate.ts',
  new Map([
    ['crds/cft.dev_cftruns.yaml', cftRunCrdYaml()],
    ['helm/templates/crd.yaml', cftRunCrdTemplate()],
  ]),
);
