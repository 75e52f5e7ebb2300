import type { StructuralSchema } from '../crd/structural-schema.ts'

/**
 * The value without nulls in place of declared fields and of a map's values: the API server takes `retry:` with nothing after it
 * as left out. A null elsewhere stays, and is refused as it is there.
 */
export function withoutNulls(value: unknown, schema: StructuralSchema | undefined): unknown {
  if (schema === undefined || value === null || typeof value !== 'object') return value
  if (Array.isArray(value)) return value.map((item) => withoutNulls(item, schema.items))
  const { properties, additionalProperties } = schema
  const ofMap = typeof additionalProperties === 'object' ? additionalProperties : undefined
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, field]) => {
      const declared = properties?.[name] ?? ofMap
      return field === null && declared !== undefined ? [] : [[name, withoutNulls(field, declared)]]
    }),
  )
}
