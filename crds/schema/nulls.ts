import type { StructuralSchema } from '../crd/structural-schema.ts'

/**
 * The value without the nulls that stand where a default would: the API server takes `retry:` with nothing after it as left out.
 * A null elsewhere stays, and is refused as it is there.
 */
export function withoutDefaultedNulls(value: unknown, schema: StructuralSchema | undefined): unknown {
  if (schema === undefined || value === null || typeof value !== 'object') return value
  if (Array.isArray(value)) return value.map((item) => withoutDefaultedNulls(item, schema.items))
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name, field]) => field !== null || schema.properties?.[name]?.default === undefined)
      .map(([name, field]) => [name, withoutDefaultedNulls(field, schema.properties?.[name])]),
  )
}
