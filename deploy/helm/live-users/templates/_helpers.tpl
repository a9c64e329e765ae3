{{- define "live-users.name" -}}
{{- default .Release.Name .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- end }}

{{- /* What selects the pods of a component: (list . "backend"). */}}
{{- define "live-users.selector" -}}
app.kubernetes.io/name: live-users
app.kubernetes.io/instance: {{ (index . 0).Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{- define "live-users.labels" -}}
{{ include "live-users.selector" . }}
app.kubernetes.io/version: {{ (index . 0).Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ (index . 0).Release.Service }}
helm.sh/chart: {{ printf "%s-%s" (index . 0).Chart.Name (index . 0).Chart.Version }}
{{- end }}

{{- define "live-users.image" -}}
{{- $registry := required "image.registry: where your images are" (index . 0).Values.image.registry -}}
{{ $registry }}/live-users-{{ index . 1 }}:{{ default (index . 0).Chart.AppVersion (index . 0).Values.image.tag }}
{{- end }}

{{- define "live-users.secret" -}}
{{- default (include "live-users.name" .) .Values.secrets.existingSecret -}}
{{- end }}

{{- define "live-users.publicUrl" -}}
{{- $host := default .Values.ingress.host .Values.ingress.callsHost -}}
{{- $ofIngress := and .Values.ingress.enabled $host -}}
{{- if .Values.publicUrl -}}{{ .Values.publicUrl }}
{{- else if $ofIngress -}}https://{{ $host }}
{{- else -}}{{ fail "publicUrl: the address that Twilio has, such as https://calls.example.com" }}
{{- end -}}
{{- end }}

{{- /* A variable of the secret: (list . "NAME" "KEY" optional). */}}
{{- define "live-users.fromSecret" -}}
- name: {{ index . 1 }}
  valueFrom:
    secretKeyRef:
      name: {{ include "live-users.secret" (index . 0) }}
      key: {{ index . 2 }}
      {{- if index . 3 }}
      optional: true
      {{- end }}
{{- end }}

{{- /* The settings of a component, in order of their names. */}}
{{- define "live-users.settings" -}}
{{- range $name, $value := . }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- end }}

{{- define "live-users.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
fsGroupChangePolicy: OnRootMismatch
seccompProfile: { type: RuntimeDefault }
{{- end }}

{{- define "live-users.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end }}

{{- /* Where pods may run: (list . "backend"). */}}
{{- define "live-users.placement" -}}
{{- $component := index (index . 0).Values (index . 1) }}
{{- with $component.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $component.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $component.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: topology.kubernetes.io/zone
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels: {{- include "live-users.selector" . | nindent 8 }}
{{- end }}

{{- /* /healthz and not /readyz: a Service without a ready pod answers nobody, and while the journal
cannot be reached, which is the same for all pods, callers are to hear their agent all the same.
Starting a backend anew would not bring the journal back either. */}}
{{- define "live-users.probes" -}}
readinessProbe:
  httpGet: { path: /healthz, port: http }
  periodSeconds: 2
  failureThreshold: 2
livenessProbe:
  httpGet: { path: /healthz, port: http }
  periodSeconds: 10
  timeoutSeconds: 3
  failureThreshold: 3
lifecycle:
  # Until nobody sends requests here any more.
  preStop:
    sleep: { seconds: 5 }
{{- end }}
