{{/* Name of the operator's objects. */}}
{{- define "cft.name" -}}
{{- .Values.fullnameOverride | default (printf "%s-operator" .Release.Name) | trunc 63 | trimSuffix "-" -}}
{{- end }}

{{- define "cft.serviceAccount" -}}
{{- .Values.serviceAccount.name | default (ternary (include "cft.name" .) "default" .Values.serviceAccount.create) -}}
{{- end }}

{{/* Labels by which the operator's pods are found. They never change. */}}
{{- define "cft.selector" -}}
app.kubernetes.io/name: cft
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end }}

{{- define "cft.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{ include "cft.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{/* Labels and annotations of an object: (list $ labels annotations), the last two its own. */}}
{{- define "cft.metadata" -}}
{{- $ := index . 0 -}}
labels:
  {{- merge dict (index . 1) (include "cft.labels" $ | fromYaml) $.Values.commonLabels | toYaml | nindent 2 }}
{{- with merge dict (index . 2) $.Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* An image: (list $ image). */}}
{{- define "cft.image" -}}
{{- $image := index . 1 -}}
{{- with $image.digest -}}
{{ $image.repository }}@{{ . }}
{{- else -}}
{{ $image.repository }}:{{ $image.tag | default (index . 0).Chart.AppVersion }}
{{- end -}}
{{- end }}
