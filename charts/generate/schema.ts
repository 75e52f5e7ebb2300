import { z } from 'zod'
import { valuesSchema } from '../values.ts'

export type SchemaNode = z.core.JSONSchema.BaseSchema

/**
 * The JSON Schema of the chart's values. It is that of the values as templates see them, after `values.yaml` filled in what was left
 * out: every value is required, so that setting one to null is told as missing.
 */
export function valuesJsonSchema(): SchemaNode {
  const { '~standard': _, ...schema } = z.toJSONSchema(valuesSchema, {
    target: 'draft-2020-12',
    io: 'output',
    override: ({ jsonSchema }) => forHelm(jsonSchema),
  })
  return schema
}

/** Takes out what only a CRD's schema understands, and the bounds that zod puts on every integer. */
function forHelm(node: SchemaNode): void {
  for (const key of Object.keys(node)) {
    if (key.startsWith('x-kubernetes-') || key === 'format') delete node[key]
  }
  if (node.minimum === Number.MIN_SAFE_INTEGER) delete node.minimum
  if (node.maximum === Number.MAX_SAFE_INTEGER) delete node.maximum
}

/** Values that have a default, and groups of them; `global` has none, since Helm gives it. */
export function documentedProperties(node: SchemaNode): ReadonlyArray<readonly [name: string, node: SchemaNode]> {
  return Object.entries(node.properties ?? {}).flatMap(([name, child]) =>
    typeof child === 'object' && (isGroup(child) || child.default !== undefined) ? [[name, child] as const] : [],
  )
}

/** A node that only holds other values. */
export function isGroup(node: SchemaNode): boolean {
  return node.properties !== undefined && node.default === undefined
}
