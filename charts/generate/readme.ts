import { stringify } from 'yaml'
import { scrapeConfigs } from '../dashboards/scrape-config.ts'
import { documentedProperties, isGroup, type SchemaNode } from './schema.ts'

type Section = 'values' | 'scrape_configs'

/**
 * The chart's README with what stands between its marks made anew: the table of values, and how to scrape.
 * @throws Error when marks are missing.
 */
export function readmeWithGenerated(readme: string, schema: SchemaNode): string {
  const yaml = stringify({ scrape_configs: scrapeConfigs() }, { lineWidth: 0 })
  return withSection(withSection(readme, 'values', valuesTable(schema)), 'scrape_configs', `\`\`\`yaml\n${yaml}\`\`\``)
}

function withSection(readme: string, section: Section, text: string): string {
  const [begin, end] = [`<!-- ${section}: made by npm run generate -->`, `<!-- end of ${section} -->`]
  const [from, to] = [readme.indexOf(begin), readme.indexOf(end)]
  if (from === -1 || to < from) throw new Error(`the chart's README needs the lines ${begin} and ${end}, in this order`)
  return `${readme.slice(0, from)}${begin}\n\n${text}\n\n${readme.slice(to)}`
}

function valuesTable(schema: SchemaNode): string {
  return ['| value | default | meaning |', '| --- | --- | --- |', ...rows(schema, '')].join('\n')
}

function rows(group: SchemaNode, prefix: string): string[] {
  return documentedProperties(group).flatMap(([name, node]) => {
    const path = prefix + name
    if (isGroup(node)) return rows(node, `${path}.`)
    return [`| \`${path}\` | \`${JSON.stringify(node.default)}\` | ${cell(meaning(node))} |`]
  })
}

function meaning(node: SchemaNode): string {
  const parts = [node.description ?? '']
  if (node.enum !== undefined) parts.push(`One of: ${node.enum.join(', ')}.`)
  if (node.minimum !== undefined && node.maximum !== undefined) parts.push(`From ${node.minimum} to ${node.maximum}.`)
  return parts.join(' ')
}

const cell = (text: string): string => text.replaceAll('|', '\\|')
