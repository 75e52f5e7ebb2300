import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { parseAllDocuments } from 'yaml'
import {
  API_VERSION,
  parseDuration,
  parseQueue,
  parseQueueBroker,
  type Problem,
  type Queue,
  type QueueBroker,
  type QueueBrokerSpec,
} from '../../crds/index.ts'
import type { NatsServerConfig } from '../../crds/protocol/nats-config.ts'

export interface Manifests {
  readonly queues: readonly Queue[]
  readonly sync: NatsServerConfig['sync']
}

const YAML_FILE = /\.(ya?ml|json)$/

/**
 * Reads the Queues and QueueBrokers of a file, or of every YAML file of a folder. Other kinds are passed over, so that a folder
 * with a whole application in it can be given. Throws an Error that lists every problem by file and field.
 */
export function readManifests(path: string): Manifests {
  const files = statSync(path).isDirectory()
    ? readdirSync(path)
        .filter((name) => YAML_FILE.test(name))
        .toSorted()
        .map((name) => join(path, name))
    : [path]
  const problems: string[] = []
  const queues: Queue[] = []
  const brokers: QueueBroker[] = []
  for (const file of files) {
    for (const document of parseAllDocuments(readFileSync(file, 'utf8'))) {
      for (const error of document.errors) problems.push(`${file}: ${error.message}`)
      if (document.errors.length > 0) continue
      const manifest: unknown = document.toJS()
      if (!isObject(manifest) || manifest['apiVersion'] !== API_VERSION) continue
      const tell = (list: readonly Problem[]): void => {
        for (const { field, message } of list) problems.push(`${file}: ${field}: ${message}`)
      }
      if (manifest['kind'] === 'Queue') {
        const parsed = parseQueue(manifest)
        if (parsed.ok) queues.push(parsed.value)
        else tell(parsed.problems)
      } else if (manifest['kind'] === 'QueueBroker') {
        const parsed = parseQueueBroker(manifest)
        if (parsed.ok) brokers.push(parsed.value)
        else tell(parsed.problems)
      }
    }
  }
  problems.push(...duplicateNames(queues))
  const syncs = new Map(brokerSpecs(queues, brokers).map((spec) => [JSON.stringify(sync(spec)), sync(spec)]))
  if (syncs.size > 1) {
    problems.push(
      `embedded mode runs one broker, and these manifests ask for several durabilities: ${[...syncs.keys()].join(', ')}`,
    )
  }
  if (problems.length > 0) throw new Error(`the manifests cannot be used:\n  ${problems.join('\n  ')}`)
  if (queues.length === 0) throw new Error(`${path} holds no Queue of ${API_VERSION}`)
  return { queues, sync: [...syncs.values()][0] ?? 'always' }
}

function brokerSpecs(queues: readonly Queue[], brokers: readonly QueueBroker[]): QueueBrokerSpec[] {
  return [
    ...brokers.map(({ spec }) => spec),
    ...queues.flatMap(({ spec }) => (spec.broker === undefined ? [] : [spec.broker])),
  ]
}

const sync = (spec: QueueBrokerSpec): NatsServerConfig['sync'] =>
  spec.durability === 'Always' ? 'always' : { intervalMs: parseDuration(spec.syncInterval ?? '1s') }

function duplicateNames(queues: readonly Queue[]): string[] {
  const names = queues.map(({ metadata }) => metadata.name)
  const twice = names.filter((name, index) => names.indexOf(name) !== index)
  return [...new Set(twice)].map((name) => `Queue ${name} is declared twice; embedded mode has one namespace`)
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null
