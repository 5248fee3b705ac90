import { cftRunCrdYaml } from './crd.ts';

/** Labels that Helm and the chart give, and the annotation that makes Helm leave the CRD where it is. */
const METADATA = `  {{- $keep := ternary (dict "helm.sh/resource-policy" "keep") dict .Values.crds.keep }}
  {{- include "cft.metadata" (list . dict $keep) | nindent 2 }}
`;

/** The CRD as a template of the Helm chart: among the templates, unlike in a chart's `crds/`, Helm upgrades it too. */
export function cftRunCrdTemplate(): string {
  const crd = cftRunCrdYaml()
    .replaceAll('{{', '{{ "{{" }}')
    .replace(/^metadata:\n {2}name: .*\n/m, (found) => found + METADATA);
  return `{{- if .Values.crds.enabled }}\n${crd}{{- end }}\n`;
}
