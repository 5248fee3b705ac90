import { crdTemplate } from './crd-template.ts';

/** The generated files of the chart: path in it to content. */
export function chartFiles(): ReadonlyMap<string, string> {
  return new Map([['templates/crd.yaml', crdTemplate()]]);
}
