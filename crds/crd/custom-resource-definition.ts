import type { z } from 'zod'
import { GROUP, VERSION } from '../group.ts'
import { type StructuralSchema, structuralSchema } from './structural-schema.ts'

export type PrinterColumn = {
  name: string
  type: 'string' | 'integer' | 'date'
  jsonPath: string
  description: string
}

export type Kind = {
  kind: string
  plural: string
  shortName: string
  schema: z.ZodType
  columns: readonly PrinterColumn[]
  selectableFields: readonly string[]
}

export const CATEGORY = 'pillion'

export function crdName({ plural }: Kind): string {
  return `${plural}.${GROUP}`
}

/** The CustomResourceDefinition of a kind. Pure. */
export function customResourceDefinition(kind: Kind) {
  const selectableFields = kind.selectableFields.map((jsonPath) => ({ jsonPath }))
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: crdName(kind) },
    spec: {
      group: GROUP,
      scope: 'Namespaced',
      names: {
        kind: kind.kind,
        listKind: `${kind.kind}List`,
        plural: kind.plural,
        singular: kind.kind.toLowerCase(),
        shortNames: [kind.shortName],
        categories: [CATEGORY],
      },
      versions: [
        {
          name: VERSION,
          served: true,
          storage: true,
          subresources: { status: {} },
          ...(selectableFields.length === 0 ? {} : { selectableFields }),
          additionalPrinterColumns: kind.columns,
          schema: { openAPIV3Schema: rootSchema(kind) },
        },
      ],
    },
  }
}

/** The schema of the whole object; what is in `metadata` is the API server's own. */
export function rootSchema(kind: Kind): StructuralSchema {
  const { properties = {}, required: _required, ...root } = structuralSchema(kind.schema)
  return {
    ...root,
    properties: {
      ...properties,
      apiVersion: { description: `${GROUP}/${VERSION}`, type: 'string' },
      kind: { description: kind.kind, type: 'string' },
      // Declared so that a rule may blame it; the API server has its own schema for the rest.
      metadata: { type: 'object', properties: { name: { type: 'string' } } },
    },
  }
}
