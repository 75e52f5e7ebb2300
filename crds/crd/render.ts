import { stringify } from 'yaml'
import { keepNonEmptyBinding, keepNonEmptyPolicy } from '../admission.ts'
import { customResourceDefinition, type Kind } from './custom-resource-definition.ts'

const header = '# Made by `npm run generate` from the schemas in crds/; change it there.\n'

function yaml(object: unknown): string {
  return stringify(object, { lineWidth: 0, aliasDuplicateObjects: false })
}

/** The CustomResourceDefinition for `kubectl apply`. */
export function crdYaml(kind: Kind): string {
  return header + yaml(customResourceDefinition(kind))
}

/** The ValidatingAdmissionPolicy and its binding for `kubectl apply`. */
export function admissionYaml(): string {
  return `${header}${yaml(keepNonEmptyPolicy)}---\n${yaml(keepNonEmptyBinding)}`
}

/** Text that Helm's template engine writes out as it is. */
export function escapeTemplate(text: string): string {
  return text.replaceAll('{{', '{{ "{{" }}')
}

/**
 * The CustomResourceDefinition as a template of the Helm chart. Helm never upgrades what is in a chart's `crds/` folder, so
 * it is a template, kept when the release is removed, since the Queues would go with it.
 */
export function crdTemplate(kind: Kind): string {
  return keptTemplate([customResourceDefinition(kind)])
}

/**
 * The ValidatingAdmissionPolicy and its binding as a template of the Helm chart. There is one in a cluster, and it stays like the
 * CRDs: while there is no operator, nothing else refuses to delete a Queue that holds messages.
 */
export function admissionTemplate(): string {
  return keptTemplate([keepNonEmptyPolicy, keepNonEmptyBinding])
}

type ClusterObject = { apiVersion: string; kind: string; metadata: { name: string }; spec: unknown }

function keptTemplate(objects: readonly ClusterObject[]): string {
  const texts = objects.map(({ apiVersion, kind, metadata, spec }) =>
    [
      `apiVersion: ${apiVersion}`,
      `kind: ${kind}`,
      'metadata:',
      `  name: ${metadata.name}`,
      '  labels:',
      '    {{- include "pillion.labels" . | nindent 4 }}',
      '  {{- if .Values.crds.keep }}',
      '  annotations:',
      '    helm.sh/resource-policy: keep',
      '  {{- end }}',
      escapeTemplate(yaml({ spec })),
    ].join('\n'),
  )
  return `${header}{{- if .Values.crds.install }}\n${texts.join('---\n')}{{- end }}\n`
}
