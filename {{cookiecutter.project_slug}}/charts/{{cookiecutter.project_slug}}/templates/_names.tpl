{{/*
The template's: later versions change this file. Yours are listed in pyproject.toml.
Names and labels. Selectors hold name, instance and component, and never change: another set would orphan the pods.
A pod's labels hold no version: else a new version of the chart alone would restart every pod.
*/}}

{{- define "app.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 43 | trimSuffix "-" }}
{{- end }}

{{/* At most 43 characters, so that the longest suffix, the migration's, fits into 63. */}}
{{- define "app.fullname" -}}
{{- $name := include "app.name" . }}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride }}
{{- else if contains $name .Release.Name }}
{{- .Release.Name | trunc 43 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 43 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{/* The labels by which pods are selected. Takes root and component: server, migration or smoke-test. */}}
{{- define "app.selectorLabels" -}}
app.kubernetes.io/name: {{ include "app.name" .root | quote }}
app.kubernetes.io/instance: {{ .root.Release.Name | quote }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{/* The labels of a pod. Takes root and component. */}}
{{- define "app.podLabels" -}}
{{- $selector := include "app.selectorLabels" . | fromYaml }}
{{- merge $selector .root.Values.podLabels .root.Values.commonLabels | toYaml }}
{{- end }}

{{/* Name, namespace, labels and annotations of an object. Takes root, component and, where wanted, suffix, labels and annotations. */}}
{{- define "app.metadata" -}}
{{- $own := dict
  "helm.sh/chart" (printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-")
  "app.kubernetes.io/version" (.root.Chart.AppVersion | replace "+" "_")
  "app.kubernetes.io/managed-by" .root.Release.Service }}
{{- $selector := include "app.selectorLabels" . | fromYaml -}}
name: {{ include "app.fullname" .root }}{{ with .suffix }}-{{ . }}{{ end }}
namespace: {{ .root.Release.Namespace }}
labels: {{- merge $selector $own (.labels | default dict) .root.Values.commonLabels | toYaml | nindent 2 }}
{{- with merge (dict) (.annotations | default dict) .root.Values.commonAnnotations }}
annotations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* The first map with the second's entries over it, as YAML. Helm's `merge` would take 0, false and "" for unset. */}}
{{- define "app.overlay" -}}
{{- $all := deepCopy (first .) }}
{{- range $key, $value := last . }}
{{- $_ := set $all $key $value }}
{{- end }}
{{- toYaml $all }}
{{- end }}

{{- define "app.serviceAccountName" -}}
{{- .Values.serviceAccount.name | default (ternary (include "app.fullname" .) "default" .Values.serviceAccount.create) }}
{{- end }}
