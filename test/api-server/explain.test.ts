import { describe, expect, test } from 'vitest'
import { kinds } from '../../crds/crd/kinds.ts'
import { rootSchema } from '../../crds/crd/custom-resource-definition.ts'
import type { StructuralSchema } from '../../crds/crd/structural-schema.ts'
import { useApiServer } from './server.ts'

const server = useApiServer()

/** Every field below `spec` and `status`, with the path that `kubectl explain` knows it by. */
function fieldsOf(schema: StructuralSchema, path: string): [path: string, field: StructuralSchema][] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]): [string, StructuralSchema][] => {
    const fieldPath = `${path}.${name}`
    return [[fieldPath, field], ...fieldsOf(field.items ?? field, fieldPath)]
  })
}

const squeezed = (text: string) => text.replaceAll(/\s+/g, ' ')

describe.each(kinds)('$kind', (kind) => {
  const { spec = {}, status = {} } = rootSchema(kind).properties ?? {}
  const fields = [...fieldsOf(spec, `${kind.plural}.spec`), ...fieldsOf(status, `${kind.plural}.status`)]

  test('has a description, which ends as a sentence, on every field', () => {
    expect(fields.length).toBeGreaterThan(20)
    const without = fields.filter(([, { description = '' }]) => !/^[A-Zt0].*[.]$/.test(description))
    expect(without.map(([path]) => path)).toEqual([])
  })

  test('says the default of every field of spec that has one', () => {
    const silent = fieldsOf(spec, 'spec').filter(
      ([, field]) =>
        field.default !== undefined &&
        field.properties === undefined &&
        field.type !== 'array' &&
        !field.description?.includes(`Default: ${JSON.stringify(field.default).replaceAll('"', '')}.`),
    )
    expect(silent.map(([path]) => path)).toEqual([])
  })

  test('says the range of every number', () => {
    const silent = fields.filter(
      ([, field]) =>
        field.maximum !== undefined &&
        field.maximum < 2 ** 31 - 1 &&
        !new RegExp(`\\b${field.minimum}\\b.*\\b${field.maximum}\\b`).test(field.description ?? ''),
    )
    expect(silent.map(([path]) => path)).toEqual([])
  })

  test('is explained by kubectl as it is described here', async () => {
    const sample = fields.filter(([path]) => path.split('.').length <= 4)
    for (const [path, field] of sample.filter((_, index) => index % 5 === 0)) {
      const explained = await server().kubectl('explain', '--api-version=pillion.dev/v1alpha1', path)
      expect(squeezed(explained)).toContain(squeezed(field.description ?? 'a description'))
    }
  })
})

test('kubectl explain shows meaning, unit, default and range', async () => {
  const explained = squeezed(await server().kubectl('explain', 'queues.pillion.dev.spec.retry.visibilityTimeout'))
  expect(explained).toContain('Time that a consumer has to answer')
  expect(explained).toContain('A duration from 1s to 24h, such as 500ms, 30s or 1h30m.')
  expect(explained).toContain('Default: 30s.')
})
