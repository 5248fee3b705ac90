import { cftRunCrdYaml } from '../../crds/crd.ts';

const HEADER = '# Generated from crds/cftrun.ts by: node helm/generate/main.ts\n';

/** Labels that Helm and the chart give, and the annotation that makes Helm leave the CRD where it is. */
const METADATA = `  {{- $keep := ternary (dict "helm.sh/resource-policy" "keep") dict .Values.crds.keep }}
  {{- include "cft.metadata" (list . dict $keep) | nindent 2 }}
`;

/** The chart's template of the CRD: among the templates, unlike in a chart's `crds/`, Helm upgrades it too. */
export function crdTemplate(): string {
  const crd = cftRunCrdYaml()
    .replaceAll(/^#.*\n/gm, '')
    .replaceAll('{{', '{{ "{{" }}')
    .replace(/^metadata:\n {2}name: .*\n/m, (found) => found + METADATA);
  return `{{- if .Values.crds.enabled }}\n${HEADER}${crd}{{- end }}\n`;
}
