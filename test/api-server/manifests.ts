import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseAllDocuments } from 'yaml'
import { type Parsed, parseQueue, parseQueueBroker, parseQueueOperation } from '../../crds/index.ts'
import { type Manifest, manifestSchema } from './manifest.ts'

export type ManifestFile = {
  name: string
  /** The lines of comment that the file begins with, without their `#`. */
  header: string[]
  manifests: Manifest[]
}

/** The manifests in a folder beside this file, or in another, in order of their names. */
export function manifestFiles(folder: string, from = import.meta.dirname): ManifestFile[] {
  const directory = join(from, folder)
  return readdirSync(directory)
    .filter((name) => name.endsWith('.yaml'))
    .toSorted()
    .map((name) => {
      const text = readFileSync(join(directory, name), 'utf8')
      const lines = text.split('\n')
      const end = lines.findIndex((line) => !line.startsWith('#'))
      return {
        name,
        header: lines.slice(0, end).map((line) => line.replace(/^# ?/, '')),
        manifests: parseAllDocuments(text).map((document) => manifestSchema.parse(document.toJS())),
      }
    })
}

/** The manifest of a file that has one. */
export function onlyManifest({ name, manifests }: ManifestFile): Manifest {
  const [manifest, ...more] = manifests
  if (manifest === undefined || more.length > 0) throw new Error(`${name} does not hold one manifest`)
  return manifest
}

/** What `crds/` makes of a manifest by itself. */
export function parseManifest(manifest: Manifest): Parsed<{ spec: unknown }> {
  if (manifest.kind === 'QueueOperation') return parseQueueOperation(manifest)
  return manifest.kind === 'QueueBroker' ? parseQueueBroker(manifest) : parseQueue(manifest)
}
