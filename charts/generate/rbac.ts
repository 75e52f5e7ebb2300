import { stringify } from 'yaml'
import { operatorRules, type PolicyRule } from '../../operator/rbac.ts'

/**
 * The chart's template of the operator's roles and bindings. With watchNamespaces, the rights over Queues are bound in these namespaces
 * and nowhere else.
 */
export function operatorRbacTemplate(): string {
  return `# Made by \`npm run generate\` from operator/rbac.ts; change it there.
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: {{ include "pillion.operatorName" . }}
  labels:
    {{- include "pillion.operatorLabels" . | nindent 4 }}
${yaml(operatorRules.watched)}
{{- range .Values.watchNamespaces }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: {{ include "pillion.operatorName" $ }}
  namespace: {{ . }}
  labels:
    {{- include "pillion.operatorLabels" $ | nindent 4 }}
${binding('ClusterRole', '$')}
{{- else }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: {{ include "pillion.operatorName" . }}
  labels:
    {{- include "pillion.operatorLabels" . | nindent 4 }}
${binding('ClusterRole', '.')}
{{- end }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: {{ include "pillion.operatorName" . }}-lease
  namespace: {{ .Release.Namespace }}
  labels:
    {{- include "pillion.operatorLabels" . | nindent 4 }}
${yaml(operatorRules.own)}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: {{ include "pillion.operatorName" . }}-lease
  namespace: {{ .Release.Namespace }}
  labels:
    {{- include "pillion.operatorLabels" . | nindent 4 }}
${binding('Role', '.', '-lease')}
`
}

function yaml(rules: readonly PolicyRule[]): string {
  return stringify({ rules }, { version: '1.1', lineWidth: 0, aliasDuplicateObjects: false }).trimEnd()
}

function binding(kind: 'ClusterRole' | 'Role', context: '.' | '$', suffix = ''): string {
  const name = `{{ include "pillion.operatorName" ${context} }}`
  return `roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ${kind}
  name: ${name}${suffix}
subjects:
  - kind: ServiceAccount
    name: ${name}
    namespace: {{ ${context === '$' ? '$' : ''}.Release.Namespace }}`
}
