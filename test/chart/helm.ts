import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseAllDocuments } from 'yaml'
import { binary } from '../cluster/binaries.ts'
import { projectRoot } from '../cluster/paths.ts'
import { run } from '../cluster/run.ts'

export const chart = join(projectRoot, 'charts/pillion')

/** An object that the chart makes, as far as tests look into all of them. */
export interface Rendered {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: {
    readonly name: string
    readonly namespace?: string
    readonly labels?: Readonly<Record<string, string>>
    readonly annotations?: Readonly<Record<string, string>>
  }
  readonly data?: Readonly<Record<string, string>>
  readonly spec?: {
    readonly selector?: object
    readonly template?: { readonly metadata: { readonly labels: object }; readonly spec: PodSpec }
  }
}

export interface PodSpec {
  readonly containers: ReadonlyArray<{
    readonly env: ReadonlyArray<{ readonly name: string; readonly value?: string }>
  }>
}

/** Runs helm; gives what it prints. */
export async function helm(args: string[]): Promise<string> {
  return run(await binary('helm'), args)
}

export interface TemplateOptions {
  readonly values?: object
  /** More arguments of `helm template`. */
  readonly args?: readonly string[]
}

/** What `helm template` prints for the release `pillion` in namespace `pillion-system`. */
export async function template({ values = {}, args = [] }: TemplateOptions = {}): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'pillion-chart-'))
  try {
    const file = join(folder, 'values.json')
    await writeFile(file, JSON.stringify(values))
    return await helm(['template', 'pillion', chart, '--namespace', 'pillion-system', '--values', file, ...args])
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** The objects that `helm template` prints. */
export async function rendered(options?: TemplateOptions): Promise<Rendered[]> {
  return parseAllDocuments(await template(options))
    .map((document): Rendered | null => document.toJS())
    .filter((object) => object !== null)
}

/** The object of this kind and name. @throws Error that lists what there is, when it is not there. */
export function find(objects: readonly Rendered[], kind: string, name: string): Rendered {
  const found = objects.find((object) => object.kind === kind && object.metadata.name === name)
  if (found === undefined) throw new Error(`no ${kind} ${name} among:\n  ${objects.map(named).join('\n  ')}`)
  return found
}

/** Kind, namespace and name, such as `Service pillion-system/pillion-operator`. */
export function named({ kind, metadata }: Rendered): string {
  return `${kind} ${metadata.namespace === undefined ? '' : `${metadata.namespace}/`}${metadata.name}`
}
