{{/* Base of all names: the release's name, with the chart's where it is not part of it. */}}
{{- define "pillion.fullname" -}}
{{- $name := ternary .Release.Name (printf "%s-%s" .Release.Name .Chart.Name) (contains .Chart.Name .Release.Name) -}}
{{- $name | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{- define "pillion.operatorName" -}}
{{- printf "%s-operator" (include "pillion.fullname" .) -}}
{{- end -}}

{{/* What the operator's pods are selected by; may never change. */}}
{{- define "pillion.selectorLabels" -}}
app.kubernetes.io/name: pillion-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* Labels of every object that is not the operator's own. */}}
{{- define "pillion.labels" -}}
app.kubernetes.io/part-of: pillion
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "pillion.operatorLabels" -}}
{{ include "pillion.selectorLabels" . }}
{{ include "pillion.labels" . }}
{{- end -}}

{{- define "pillion.operatorImage" -}}
{{- printf "%s:%s" .Values.image.repository (.Values.image.tag | default .Chart.AppVersion) -}}
{{- end -}}

{{- define "pillion.sidecarImage" -}}
{{- printf "%s:%s" .Values.sidecarImage.repository (.Values.sidecarImage.tag | default .Chart.AppVersion) -}}
{{- end -}}

{{- define "pillion.natsImage" -}}
{{- printf "%s:%s" .Values.natsImage.repository .Values.natsImage.tag -}}
{{- end -}}

{{/* Pod Security: restricted. */}}
{{- define "pillion.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "pillion.containerSecurityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}
