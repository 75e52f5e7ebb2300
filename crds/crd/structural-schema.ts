import { z } from 'zod'

/** A node of a CRD's structural schema, in the order in which keys are written. */
export type StructuralSchema = {
  description?: string
  type?: string
  format?: string
  default?: unknown
  properties?: Record<string, StructuralSchema>
  items?: StructuralSchema
  additionalProperties?: StructuralSchema | boolean
  required?: string[]
  enum?: unknown[]
  minimum?: number
  maximum?: number
  maxItems?: number
  maxLength?: number
  'x-kubernetes-validations'?: { rule: string; message: string; fieldPath?: string }[]
  [key: string]: unknown
}

const keyOrder = ['description', 'type', 'format', 'default', 'enum', 'minimum', 'maximum']
const keysLast = ['required', 'properties', 'items', 'additionalProperties', 'x-kubernetes-validations']

/** The schema of what a user writes, as a CRD takes it (OpenAPI v3, structural). */
export function structuralSchema(schema: z.ZodType): StructuralSchema {
  const made: unknown = z.toJSONSchema(schema, { target: 'openapi-3.0', io: 'input' })
  if (!isSchema(made)) throw new Error('zod made no JSON schema')
  return structural(made)
}

function isSchema(value: unknown): value is StructuralSchema {
  return typeof value === 'object' && value !== null
}

function structural(node: StructuralSchema): StructuralSchema {
  const { anyOf, additionalProperties, properties, items, ...rest } = node
  const result: StructuralSchema = { ...rest }
  // zod bounds every integer by what a double holds exactly; the API server has int64.
  if (result.maximum === Number.MAX_SAFE_INTEGER) delete result.maximum
  if (result.minimum === Number.MIN_SAFE_INTEGER) delete result.minimum
  if (properties !== undefined) {
    result.properties = Object.fromEntries(Object.entries(properties).map(([name, field]) => [name, structural(field)]))
  }
  if (items !== undefined) result.items = structural(items)
  // A closed object is what the API server prunes or, with strict field validation, refuses.
  if (typeof additionalProperties === 'object') result.additionalProperties = structural(additionalProperties)
  if (anyOf !== undefined && result['x-kubernetes-int-or-string'] !== true) {
    throw new Error(`a structural schema has no alternatives: ${node.description}`)
  }
  if (result.properties !== undefined && result.default !== undefined) result.default = defaultOf(result)
  return ordered(result)
}

/**
 * What an object is that was left out. The API server fills in the defaults of inner fields when it stores an object, but not
 * when it checks that the default of a CRD keeps the CRD's own rules; so the default has to be whole.
 */
function defaultOf(node: StructuralSchema): unknown {
  if (node.properties === undefined || node.default === undefined) return node.default
  const fields = Object.entries(node.properties).map(([name, field]) => [name, defaultOf(field)])
  return Object.fromEntries(fields.filter(([, value]) => value !== undefined))
}

function ordered(node: StructuralSchema): StructuralSchema {
  const middle = Object.keys(node).filter((key) => !keyOrder.includes(key) && !keysLast.includes(key))
  const keys = [...keyOrder, ...middle.toSorted(), ...keysLast]
  return Object.fromEntries(keys.filter((key) => node[key] !== undefined).map((key) => [key, node[key]]))
}
