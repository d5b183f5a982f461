{{/*
The template's: later versions change this file. Yours are listed in pyproject.toml.
What the pods of the service, of the migration and of the test have in common, so that none of them is less restricted
than the others.
*/}}

{{- define "app.image" -}}
{{- with .Values.global.imageRegistry | default .Values.image.registry }}{{ . }}/{{ end }}
{{- .Values.image.repository }}
{{- if .Values.image.digest }}@{{ .Values.image.digest }}
{{- else }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}
{{- end }}

{{/* A setting's text. Helm reads whole numbers of a file as floats, and would print a million as 1e+06. */}}
{{- define "app.text" -}}
{{- if and (kindIs "float64" .) (eq (floor .) .) }}{{ int64 . }}{{ else }}{{ . }}{{ end }}
{{- end }}

{{/* Fields of every pod's spec. */}}
{{- define "app.podSpec" -}}
serviceAccountName: {{ include "app.serviceAccountName" . }}
automountServiceAccountToken: {{ .Values.serviceAccount.automount }}
# Else each Service of the namespace becomes variables, and one named `app` makes APP_* that are no settings.
enableServiceLinks: false
securityContext: {{- toYaml .Values.podSecurityContext | nindent 2 }}
{{- if not (kindIs "invalid" .Values.hostUsers) }}
hostUsers: {{ .Values.hostUsers }}
{{- end }}
{{- with concat .Values.global.imagePullSecrets .Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end }}

{{/* Fields of every container of the service's image. */}}
{{- define "app.container" -}}
image: {{ include "app.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext: {{- toYaml .Values.securityContext | nindent 2 }}
{{- end }}

{{/* The settings, for every container that reads them: ConfigMap, variables and mounts. */}}
{{- define "app.settings" -}}
env: {{- include "app.env" . | trim | nindent 2 }}
{{- with concat (ternary (list (dict "configMapRef" (dict "name" (include "app.fullname" .)))) list (not (empty .Values.config))) .Values.envFrom }}
envFrom: {{- toYaml . | nindent 2 }}
{{- end }}
volumeMounts:
  {{- $mounts := dict "/tmp" (dict "name" "tmp") }}
  {{- if .Values.database.sqlite }}
  {{- $_ := set $mounts "/app/var" (dict "name" "data") }}
  {{- end }}
  {{- if include "app.secretSources" (dict "root" .) }}
  {{- $_ := set $mounts "/run/secrets/app" (dict "name" "secrets" "readOnly" true) }}
  {{- end }}
  {{- range $path, $mount := include "app.overlay" (list $mounts .Values.extraVolumeMounts) | fromYaml }}
  - mountPath: {{ $path }}
    {{- toYaml $mount | nindent 4 }}
  {{- end }}
{{- end }}

{{/* A list, since $(NAME) reaches back only: first what the others may name, then a map's, in order and each once. */}}
{{- define "app.env" -}}
{{- $env := dict
  "PORT" .Values.containerPorts.http
  "APP_ADMIN__PORT" .Values.containerPorts.admin
  "APP_SHUTDOWN__DRAIN" .Values.shutdown.drain
  "APP_SHUTDOWN__REQUESTS" .Values.shutdown.requests
  "APP_SHUTDOWN__TELEMETRY" .Values.shutdown.telemetry }}
{{- with .Values.otel }}
{{- if .endpoint }}
{{- $_ := set $env "OTEL_EXPORTER_OTLP_ENDPOINT" .endpoint }}
{{- $_ := set $env "OTEL_TRACES_SAMPLER" "parentbased_traceidratio" }}
{{- $_ := set $env "OTEL_TRACES_SAMPLER_ARG" .sampleRatio }}
{{- $_ := set $env "OTEL_RESOURCE_ATTRIBUTES" "k8s.namespace.name=$(K8S_NAMESPACE),k8s.node.name=$(K8S_NODE_NAME),k8s.pod.name=$(K8S_POD_NAME),k8s.pod.uid=$(K8S_POD_UID),service.instance.id=$(K8S_POD_UID)" }}
{{- range $name, $path := dict "K8S_NAMESPACE" "metadata.namespace" "K8S_NODE_IP" "status.hostIP" "K8S_NODE_NAME" "spec.nodeName" "K8S_POD_NAME" "metadata.name" "K8S_POD_UID" "metadata.uid" }}
- name: {{ $name }}
  valueFrom:
    fieldRef:
      fieldPath: {{ $path }}
{{- end }}
{{- end }}
{{- end }}
{{- range $name, $value := include "app.overlay" (list $env .Values.env) | fromYaml }}
{{- if kindIs "map" $value }}
- name: {{ $name }}
  {{- toYaml $value | nindent 2 }}
{{- else if not (kindIs "invalid" $value) }}
- name: {{ $name }}
  value: {{ include "app.text" $value | quote }}
{{- end }}
{{- end }}
{{- end }}

{{/* Volumes by name, as a list. Takes root and, where it is another, databaseSecret. */}}
{{- define "app.volumes" -}}
{{- $volumes := dict "tmp" (dict "emptyDir" (dict "sizeLimit" "64Mi")) }}
{{- if .root.Values.database.sqlite }}
{{- $_ := set $volumes "data" (dict "emptyDir" dict) }}
{{- end }}
{{- with include "app.secretSources" . }}
{{- $_ := set $volumes "secrets" (dict "projected" (dict "defaultMode" 0o440 "sources" (fromYamlArray .))) }}
{{- end }}
{{- range $name, $volume := include "app.overlay" (list $volumes .root.Values.extraVolumes) | fromYaml }}
- name: {{ $name }}
  {{- toYaml $volume | nindent 2 }}
{{- end }}
{{- end }}

{{/*
The Secrets, as files that are named like variables. A projected volume and no subPath, which would never see a rotation.
Takes root and, where it is another, databaseSecret.
*/}}
{{- define "app.secretSources" -}}
{{- $values := .root.Values }}
{{- with $values.secrets.existingSecret }}
- secret:
    name: {{ . }}
{{- end }}
{{- if $values.externalSecret.enabled }}
- secret:
    name: {{ include "app.fullname" .root }}-external
{{- end }}
{{- with .databaseSecret | default $values.database.existingSecret }}
- secret:
    name: {{ . }}
    items:
      - key: {{ $values.database.key }}
        path: DATABASE_URL
{{- end }}
{{- with $values.redis.existingSecret }}
- secret:
    name: {{ . }}
    items:
      - key: {{ $values.redis.key }}
        path: REDIS_URL
{{- end }}
{{- end }}

{{/* Containers by name as a list of sidecars, which start before all others and end after them. */}}
{{- define "app.nativeSidecars" -}}
{{- range $name, $container := .Values.nativeSidecars }}
- name: {{ $name }}
  restartPolicy: Always
  {{- toYaml $container | nindent 2 }}
{{- end }}
{{- end }}
