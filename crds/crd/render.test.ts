import { describe, expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { keepNonEmptyBinding, keepNonEmptyPolicy } from '../admission.ts'
import { customResourceDefinition } from './custom-resource-definition.ts'
import { queueKind } from './kinds.ts'
import { admissionTemplate, admissionYaml, crdTemplate, crdYaml, escapeTemplate } from './render.ts'

test('what is rendered reads back as what was declared', () => {
  const [crd] = parseAllDocuments(crdYaml(queueKind)).map((document) => document.toJS())
  expect(crd).toEqual(structuredClone(customResourceDefinition(queueKind)))
  const admission = parseAllDocuments(admissionYaml()).map((document) => document.toJS())
  expect(admission).toEqual([keepNonEmptyPolicy, keepNonEmptyBinding])
})

describe('templates of the chart', () => {
  const withoutActions = (template: string) =>
    template
      .split('\n')
      .filter((line) => !/^\s*\{\{-.*\}\}$/.test(line))
      .join('\n')

  test('a CRD is kept when the release goes, unless the values say otherwise', () => {
    const template = crdTemplate(queueKind)
    expect(template).toContain('{{- if .Values.crds.install }}')
    expect(template).toContain(
      '{{- if .Values.crds.keep }}\n  annotations:\n    helm.sh/resource-policy: keep\n  {{- end }}',
    )
    const [crd] = parseAllDocuments(withoutActions(template)).map((document) => document.toJS())
    expect(crd).toMatchObject({ spec: customResourceDefinition(queueKind).spec })
  })

  test('the policy and its binding come with the CRDs', () => {
    const template = admissionTemplate()
    expect(template).toContain('{{- if .Values.crds.install }}')
    const objects = parseAllDocuments(withoutActions(template)).map((document) => document.toJS())
    expect(objects).toMatchObject([{ spec: keepNonEmptyPolicy.spec }, { spec: keepNonEmptyBinding.spec }])
  })

  test('braces in a text are written as they are', () => {
    expect(escapeTemplate('a {{ .Values }} b')).toBe('a {{ "{{" }} .Values }} b')
    expect(escapeTemplate('{ {a} }')).toBe('{ {a} }')
  })
})
