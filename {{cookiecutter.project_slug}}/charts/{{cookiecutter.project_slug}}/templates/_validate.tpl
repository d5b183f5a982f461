{{/*
The template's: later versions change this file. Yours are listed in pyproject.toml.
What a schema can't say: values that contradict each other. All at once, each with its name and its remedy.
*/}}
{{- define "app.validate" -}}
{{- $v := .Values }}
{{- $problems := list }}

{{- $external := and $v.externalSecret.enabled (hasKey $v.externalSecret.data "DATABASE_URL") }}
{{- if not (or $v.database.existingSecret $v.database.sqlite $external) }}
{{- $problems = append $problems "database.existingSecret is not set: name the Secret that holds the database's URL, or try the service on SQLite with -f deploy/local.yaml" }}
{{- end }}
{{- if $v.database.sqlite }}
{{- if or $v.database.existingSecret $external }}
{{- $problems = append $problems "database.sqlite and a Secret for the database are both set: unset one of them" }}
{{- end }}
{{- if or $v.autoscaling.enabled (ne (toString $v.replicaCount) "1") }}
{{- $problems = append $problems "database.sqlite is for one replica: set replicaCount to 1 and autoscaling.enabled to false" }}
{{- end }}
{{- end }}

{{- if $v.externalSecret.enabled }}
{{- if not (and $v.externalSecret.secretStoreRef.name $v.externalSecret.data) }}
{{- $problems = append $problems "externalSecret.enabled is true: set externalSecret.secretStoreRef.name, and externalSecret.data with at least one variable" }}
{{- end }}
{{- end }}

{{- $owned := dict
  "PORT" "set containerPorts.http"
  "APP_ADMIN__PORT" "set containerPorts.admin"
  "APP_SHUTDOWN__DRAIN" "set shutdown.drain"
  "APP_SHUTDOWN__REQUESTS" "set shutdown.requests"
  "APP_SHUTDOWN__TELEMETRY" "set shutdown.telemetry"
  "APP_SECRETS_DIR" "the chart mounts /run/secrets/app; leave it out"
  "DATABASE_URL" "name its Secret in database.existingSecret"
  "REDIS_URL" "name its Secret in redis.existingSecret" }}
{{- range $where := list "config" "env" }}
{{- range $name, $remedy := $owned }}
{{- if hasKey (index $v $where) $name }}
{{- $problems = append $problems (printf "%s.%s is the chart's: %s" $where $name $remedy) }}
{{- end }}
{{- end }}
{{- end }}
{{- if hasKey $v.config "OTEL_EXPORTER_OTLP_HEADERS" }}
{{- $problems = append $problems "config.OTEL_EXPORTER_OTLP_HEADERS may hold a credential, and a ConfigMap is no place for one: put it into the Secret of secrets.existingSecret" }}
{{- end }}

{{- range $where := list "commonLabels" "podLabels" }}
{{- range $name := list "app.kubernetes.io/name" "app.kubernetes.io/instance" "app.kubernetes.io/component" }}
{{- if hasKey (index $v $where) $name }}
{{- $problems = append $problems (printf "%s.%s selects the pods: leave it out, or set nameOverride" $where $name) }}
{{- end }}
{{- end }}
{{- end }}

{{- if and (eq $v.image.tag "latest") (not $v.image.digest) }}
{{- $problems = append $problems "image.tag is latest, to which no rollback leads back: set a version, or image.digest" }}
{{- end }}

{{- if and (eq $v.migrations.mode "job") (not $v.database.sqlite) }}
{{- $wait := int $v.migrations.waitTimeoutSeconds }}
{{- if lt $wait (int $v.migrations.activeDeadlineSeconds) }}
{{- $problems = append $problems (printf "migrations.waitTimeoutSeconds (%d) is less than migrations.activeDeadlineSeconds (%d): raise it, or pods give up on a migration that is at work" $wait (int $v.migrations.activeDeadlineSeconds)) }}
{{- end }}
{{- $startup := $v.probes.startup | default dict }}
{{- $needed := add $wait (mul (int (dig "periodSeconds" 10 $startup)) (int (dig "failureThreshold" 3 $startup))) (int $v.minReadySeconds) }}
{{- if lt (int $v.progressDeadlineSeconds) (int $needed) }}
{{- $problems = append $problems (printf "progressDeadlineSeconds (%d) is less than migrations.waitTimeoutSeconds, the startup probe's period × failures and minReadySeconds together (%d): raise it, or a rollout counts as failed while it goes well" (int $v.progressDeadlineSeconds) (int $needed)) }}
{{- end }}
{{- end }}

{{- with $v.autoscaling }}
{{- if .enabled }}
{{- if gt (int .minReplicas) (int .maxReplicas) }}
{{- $problems = append $problems (printf "autoscaling.minReplicas (%d) is more than autoscaling.maxReplicas (%d): lower it" (int .minReplicas) (int .maxReplicas)) }}
{{- end }}
{{- if not (dig "requests" "cpu" "" $v.resources) }}
{{- $problems = append $problems "autoscaling.enabled is true, and resources.requests.cpu is not set, of which its target is a percentage: set it" }}
{{- end }}
{{- end }}
{{- end }}

{{- if and $v.pdb.enabled (eq (kindIs "invalid" $v.pdb.maxUnavailable) (kindIs "invalid" $v.pdb.minAvailable)) }}
{{- $problems = append $problems "pdb takes one of maxUnavailable and minAvailable: set one, and the other to null" }}
{{- end }}

{{- if and $v.httpRoute.enabled (not $v.httpRoute.parentRefs) }}
{{- $problems = append $problems "httpRoute.enabled is true: name a Gateway in httpRoute.parentRefs" }}
{{- end }}
{{- if and $v.ingress.enabled (not $v.ingress.hosts) }}
{{- $problems = append $problems "ingress.enabled is true: set ingress.hosts" }}
{{- end }}
{{- if and $v.service.nodePort (eq $v.service.type "ClusterIP") }}
{{- $problems = append $problems "service.nodePort is set, and service.type is ClusterIP: set it to NodePort" }}
{{- end }}

{{- if and $v.metrics.prometheusRule.enabled (ne $v.metrics.discovery "serviceMonitor") }}
{{- $problems = append $problems "metrics.prometheusRule.enabled is true, and its alerts know the pods by the ServiceMonitor's job: set metrics.discovery to serviceMonitor" }}
{{- end }}
{{- if hasSuffix ":4317" $v.otel.endpoint }}
{{- $problems = append $problems (printf "otel.endpoint (%s) has gRPC's port, and the service speaks OTLP over HTTP: its port is 4318" $v.otel.endpoint) }}
{{- end }}

{{- with $problems }}
{{- fail (printf "these values can't work:\n- %s\n" (join "\n- " .)) }}
{{- end }}
{{- end }}
