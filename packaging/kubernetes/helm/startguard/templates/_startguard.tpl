{{/*
A chart that has this library as a dependency includes, with its own root context as argument:
  startguard.configMap        a ConfigMap with the profile of .Values.startguard.profile; nothing without one
  startguard.initContainer    an item of initContainers
  startguard.command          the command of the service's container (pattern wrap); nothing with pattern init
  startguard.env              items of the service's env (pattern wrap)
  startguard.serviceMounts    items of the service's volumeMounts
  startguard.volumes          items of the pod's volumes
The library's own defaults are merged under .Values.startguard by Helm.
*/}}

{{- define "startguard.profileName" -}}
{{- with .Values.startguard }}{{ .profileConfigMap | default (printf "%s-startguard" $.Release.Name) }}{{ end }}
{{- end }}

{{- define "startguard.hasProfile" -}}
{{- if or .Values.startguard.profile .Values.startguard.profileConfigMap }}yes{{ end }}
{{- end }}

{{- define "startguard.configMap" -}}
{{- if and .Values.startguard.profile .Values.startguard.profileConfigMap }}
{{- fail "startguard: profile and profileConfigMap are both set" }}
{{- end }}
{{- if not (or .Values.startguard.profile .Values.startguard.profileConfigMap .Values.startguard.wait) }}
{{- fail "startguard: nothing to check; set profile, profileConfigMap or wait" }}
{{- end }}
{{- with .Values.startguard.profile }}
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ include "startguard.profileName" $ }}
data:
  startguard.cfg: |
    {{- . | trim | nindent 4 }}
{{- end }}
{{- end }}

{{- define "startguard.securityContext" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
readOnlyRootFilesystem: true
allowPrivilegeEscalation: false
capabilities: { drop: [ALL] }
seccompProfile: { type: RuntimeDefault }
{{- end }}

{{- define "startguard.args" -}}
{{- if include "startguard.hasProfile" . }}
- -p
- /etc/startguard/startguard.cfg
{{- end }}
{{- range .Values.startguard.wait }}
- -w
- {{ . | quote }}
{{- end }}
{{- with .Values.startguard.timeout }}
- -t
- {{ . | quote }}
{{- end }}
{{- end }}

{{- define "startguard.env" -}}
- name: STARTGUARD_MODE
  value: {{ .Values.startguard.mode | quote }}
{{- with .Values.startguard.env }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "startguard.checkMounts" -}}
{{- if include "startguard.hasProfile" . }}
- { name: startguard-profile, mountPath: /etc/startguard, readOnly: true }
{{- end }}
{{- range .Values.startguard.secrets }}
- { name: startguard-secret-{{ .name }}, mountPath: {{ .mountPath | quote }}, readOnly: true }
{{- end }}
{{- end }}

{{- define "startguard.initContainer" -}}
{{- $wrap := eq .Values.startguard.pattern "wrap" -}}
- name: startguard
  image: "{{ .Values.startguard.image.repository }}:{{ .Values.startguard.image.tag }}"
  imagePullPolicy: {{ .Values.startguard.image.pullPolicy }}
  args:
  {{- if $wrap }}
    - install
    - /run/startguard/
  {{- else }}
    {{- include "startguard.args" . | nindent 4 }}
    {{- if .Values.startguard.envFile }}
    - --env-file
    - /run/startguard/env
    {{- end }}
  env:
    {{- include "startguard.env" . | nindent 4 }}
  {{- end }}
  resources:
    {{- toYaml .Values.startguard.resources | nindent 4 }}
  securityContext:
    {{- include "startguard.securityContext" . | nindent 4 }}
  volumeMounts:
    {{- if or $wrap .Values.startguard.envFile }}
    - { name: startguard, mountPath: /run/startguard }
    {{- end }}
    {{- if not $wrap }}
    {{- include "startguard.checkMounts" . | nindent 4 }}
    {{- end }}
{{- end }}

{{- define "startguard.command" -}}
{{- if eq .Values.startguard.pattern "wrap" }}
- /run/startguard/startguard
{{- include "startguard.args" . }}
- --
{{- end }}
{{- end }}

{{- define "startguard.serviceMounts" -}}
{{- if eq .Values.startguard.pattern "wrap" }}
- { name: startguard, mountPath: /run/startguard, readOnly: true }
{{- include "startguard.checkMounts" . }}
{{- else if .Values.startguard.envFile }}
- { name: startguard, mountPath: /run/startguard, readOnly: true }
{{- end }}
{{- end }}

{{- define "startguard.volumes" -}}
{{- if or (eq .Values.startguard.pattern "wrap") .Values.startguard.envFile }}
- name: startguard
  emptyDir: { sizeLimit: 16Mi }
{{- end }}
{{- if include "startguard.hasProfile" . }}
- name: startguard-profile
  configMap: { name: {{ include "startguard.profileName" . }} }
{{- end }}
{{- range .Values.startguard.secrets }}
- name: startguard-secret-{{ .name }}
  secret: { secretName: {{ .name }}, defaultMode: 0440 }
{{- end }}
{{- end }}
