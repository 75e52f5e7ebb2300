/**
 * Makes what is committed of the chart and has a source of its own: values, their schema and documentation, the operator's rights, the
 * dashboard. With `--check` nothing is written, and what is not as its source says ends it with 1.
 */
import { readFile, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { parseArgs } from 'node:util'
import { queuesDashboard } from './dashboards/queues.ts'
import { operatorRbacTemplate } from './generate/rbac.ts'
import { readmeWithGenerated } from './generate/readme.ts'
import { valuesJsonSchema } from './generate/schema.ts'
import { valuesYaml } from './generate/values-yaml.ts'

const chart = join(import.meta.dirname, 'pillion')
const root = join(import.meta.dirname, '..')
const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`

/** Every generated file of the chart, by path, with the text that it should have. */
async function generatedFiles(): Promise<Map<string, string>> {
  const schema = valuesJsonSchema()
  const readme = join(chart, 'README.md')
  return new Map([
    [join(chart, 'values.yaml'), valuesYaml(schema)],
    [join(chart, 'values.schema.json'), json(schema)],
    [readme, readmeWithGenerated(await readFile(readme, 'utf8'), schema)],
    [join(chart, 'dashboards/queues.json'), json(queuesDashboard())],
    [join(chart, 'templates/operator/rbac.yaml'), operatorRbacTemplate()],
  ])
}

const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } })
const stale: string[] = []
for (const [path, text] of await generatedFiles()) {
  const current = await readFile(path, 'utf8').catch(() => undefined)
  if (current === text) continue
  stale.push(relative(root, path))
  if (!values.check) await writeFile(path, text)
}
if (values.check && stale.length > 0) {
  console.error(`not as their source makes them; run npm run generate:\n  ${stale.join('\n  ')}`)
  process.exitCode = 1
} else {
  for (const path of stale) console.log(`wrote ${path}`)
}
