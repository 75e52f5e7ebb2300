import { API_VERSION } from '../group.ts'
import { crdName, type Kind, rootSchema } from './custom-resource-definition.ts'
import type { StructuralSchema } from './structural-schema.ts'

type Section = { path: string; rows: string[][]; rules: string[] }

/** Fields whose inner fields are told elsewhere, with the place. */
const elsewhere: Readonly<Record<string, string>> = {
  broker: 'Fields: as in `spec` of a QueueBroker, below.',
  affinity: 'Fields: as in `spec.affinity` of a Pod.',
  tolerations: 'Fields: as in `spec.tolerations` of a Pod.',
  topologySpreadConstraints: 'Fields: as in `spec.topologySpreadConstraints` of a Pod.',
  conditions: 'Fields: as in every `metav1.Condition`.',
}

/** The field reference of some kinds, in Markdown: a table a section. */
export function reference(kinds: readonly Kind[]): string {
  return [
    '# Field reference',
    '',
    'Made by `npm run generate` from the schemas in `crds/`; `kubectl explain queues.pillion.dev.spec` shows the same.',
    ...kinds.flatMap(kindReference),
    '',
  ].join('\n')
}

function kindReference(kind: Kind): string[] {
  const root = rootSchema(kind)
  const { spec = {}, status = {} } = root.properties ?? {}
  return [
    '',
    `## ${kind.kind}`,
    '',
    `\`${API_VERSION}\`, \`${crdName(kind)}\`, short name \`${kind.shortName}\`. ${root.description}`,
    '',
    ...rulesOf(root),
    ...[...sectionsOf(spec, 'spec'), ...sectionsOf(status, 'status')].flatMap(written),
  ]
}

/** A section of the object itself, and one of each object right below it. */
function sectionsOf(object: StructuralSchema, path: string): Section[] {
  const section: Section = { path, rows: [], rules: rulesOf(object) }
  const inner: Section[] = []
  const isTop = !path.includes('.')
  const visit = (node: StructuralSchema, nodePath: string) => {
    for (const [name, field] of Object.entries(node.properties ?? {})) {
      const fieldPath = `${nodePath}.${name}`
      section.rows.push(rowOf(field, fieldPath, node.required?.includes(name) === true, elsewhere[name]))
      const element = field.items ?? field
      if (element.properties === undefined || elsewhere[name] !== undefined) continue
      const elementPath = field.items === undefined ? fieldPath : `${fieldPath}[]`
      if (isTop) {
        inner.push(...sectionsOf(element, elementPath))
      } else {
        section.rules.push(...rulesOf(element))
        visit(element, elementPath)
      }
    }
  }
  visit(object, path)
  return [section, ...inner]
}

function rowOf(field: StructuralSchema, path: string, required: boolean, more?: string): string[] {
  const { description = '', default: byDefault } = field
  // The defaults of an object are those of its fields, which have rows of their own.
  const hasDefault = byDefault !== undefined && field.properties === undefined
  const meaning = hasDefault ? description.replace(/ Default: [^ ]*?[.](?= |$)/, '') : description
  return [
    `\`${path}\``,
    typeOf(field),
    hasDefault
      ? `\`${typeof byDefault === 'string' ? byDefault : JSON.stringify(byDefault)}\``
      : required
        ? 'required'
        : '',
    more === undefined ? meaning : `${meaning} ${more}`,
  ]
}

function typeOf(field: StructuralSchema): string {
  if (field['x-kubernetes-int-or-string'] === true) return 'integer or string'
  if (field.enum !== undefined) return field.enum.map((value) => `\`${String(value)}\``).join(', ')
  if (field.items !== undefined) return `list of ${typeOf(field.items)}`
  if (typeof field.additionalProperties === 'object') return `map of ${typeOf(field.additionalProperties)}`
  return field.type ?? 'any'
}

function rulesOf(node: StructuralSchema): string[] {
  return (node['x-kubernetes-validations'] ?? []).map(({ message }) => `- ${message}`)
}

function written({ path, rows, rules }: Section): string[] {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return [
    '',
    `### ${path}`,
    '',
    line(['field', 'type', 'default', 'meaning']),
    line(['---', '---', '---', '---']),
    ...rows.map(line),
    ...(rules.length === 0 ? [] : ['', ...rules]),
  ]
}
