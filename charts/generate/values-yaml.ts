import { stringify } from 'yaml'
import { documentedProperties, isGroup, type SchemaNode } from './schema.ts'

const LINE_WIDTH = 110

/** The text of `values.yaml`: each value with its default below its documentation. */
export function valuesYaml(schema: SchemaNode): string {
  const head = [
    '# Values of the Pillion chart. Made by `npm run generate` from charts/values.ts; what is accepted is in values.schema.json.',
    '',
  ]
  const blocks = documentedProperties(schema).map(([name, node]) => block(name, node, 0).join('\n'))
  return `${head.join('\n')}\n${blocks.join('\n\n')}\n`
}

function block(name: string, node: SchemaNode, depth: number): string[] {
  const indent = '  '.repeat(depth)
  const comment = comments([node.description, allowed(node)], indent)
  if (isGroup(node)) {
    return [
      ...comment,
      `${indent}${name}:`,
      ...documentedProperties(node).flatMap(([key, child]) => block(key, child, depth + 1)),
    ]
  }
  // Helm reads YAML 1.1, where a bare yes is true.
  const value = stringify({ [name]: node.default }, { version: '1.1', singleQuote: true, lineWidth: 0 })
  return [
    ...comment,
    ...value
      .trimEnd()
      .split('\n')
      .map((line) => indent + line),
  ]
}

/** A closed set of values, which a reader would otherwise look up in the schema. */
function allowed(node: SchemaNode): string | undefined {
  return node.enum === undefined ? undefined : `One of: ${node.enum.join(', ')}.`
}

function comments(texts: ReadonlyArray<string | undefined>, indent: string): string[] {
  const words = texts
    .filter((text) => text !== undefined)
    .join(' ')
    .split(' ')
  const lines: string[] = []
  for (const word of words) {
    const last = lines.at(-1)
    if (last === undefined || indent.length + last.length + word.length + 1 > LINE_WIDTH) lines.push(`# ${word}`)
    else lines[lines.length - 1] = `${last} ${word}`
  }
  return lines.map((line) => indent + line)
}
