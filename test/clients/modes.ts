import { API_VERSION } from '../../crds/index.ts'
import type { Traits } from './traits.ts'

/** What is run against stock clients: a Queue's part of the manifest, and what the mode then promises. */
interface ClientMode {
  readonly spec: object
  /** Whether such a Queue may have a second consumer group. */
  readonly groups: boolean
  readonly traits: Traits
}

const asPublished = Array.from({ length: 10 }, (_, n) => n)
/** More than any check has in flight. */
const UNBOUNDED = 1000

const place = (publish: string, stored = publish): Traits['places'][number] => ({ publish, stored })

const fifo: Traits = {
  places: [place('q.{queue}')],
  refused: 'q.{queue}.key',
  order: asPublished,
  inFlight: UNBOUNDED,
  failed: 'keeps',
  vanishedFirst: false,
}

/** Messages 0 … 9 go to level 1, to the default level, 4, and to level 9, in turn. */
const priority: Traits = {
  ...fifo,
  places: [place('q.{queue}.1'), place('q.{queue}', 'q.{queue}.4'), place('q.{queue}.9')],
  refused: 'q.{queue}.10',
  order: null,
}

export const CLIENT_MODES = {
  Fifo: { spec: {}, groups: true, traits: fifo },
  FifoStrict: {
    spec: { ordering: { mode: 'Fifo', strict: true } },
    groups: true,
    traits: { ...fifo, inFlight: 1, failed: 'blocks', vanishedFirst: true },
  },
  KeyedFifo: {
    spec: { ordering: { mode: 'KeyedFifo', keyedFifo: { partitions: 16 } } },
    groups: true,
    // Keys of five partitions.
    traits: {
      places: [
        place('q.{queue}.ada', 'q.{queue}.11.ada'),
        place('q.{queue}.bob', 'q.{queue}.4.bob'),
        place('q.{queue}.cleo', 'q.{queue}.6.cleo'),
        place('q.{queue}.dan', 'q.{queue}.8.dan'),
        place('q.{queue}.eve', 'q.{queue}.5.eve'),
      ],
      refused: 'q.{queue}',
      order: null,
      inFlight: 5,
      failed: 'blocks',
      vanishedFirst: false,
    },
  },
  PriorityStrict: {
    spec: { ordering: { mode: 'Priority', priority: { policy: 'Strict' } } },
    groups: true,
    traits: { ...priority, order: [2, 5, 8, 1, 4, 7, 0, 3, 6, 9] },
  },
  PriorityWeighted: {
    spec: { ordering: { mode: 'Priority', priority: { policy: 'Weighted' } } },
    groups: true,
    traits: priority,
  },
  Lru: {
    spec: { ordering: { mode: 'Lru' } },
    groups: false,
    traits: { ...fifo, places: [place('q.{queue}.key{n}')], refused: 'q.{queue}', failed: 'tail' },
  },
  Hierarchical: {
    spec: { type: 'Hierarchical' },
    groups: true,
    traits: {
      ...fifo,
      places: [place('q.{queue}.eu.acme'), place('q.{queue}.eu.initech'), place('q.{queue}.us')],
      refused: 'q.{queue}',
      order: null,
    },
  },
  Exclusive: { spec: { type: 'Exclusive' }, groups: true, traits: { ...fifo, vanishedFirst: true } },
} satisfies Readonly<Record<string, ClientMode>>

export type ClientModeName = keyof typeof CLIENT_MODES

/** In the README's order. */
export const CLIENT_MODE_NAMES = Object.keys(CLIENT_MODES).filter(isClientMode)

export function isClientMode(name: string): name is ClientModeName {
  return Object.hasOwn(CLIENT_MODES, name)
}

/** The Queues of a mode: the one that the checks have for themselves and, where it may have one, one with a second group. */
export function queuesOf(mode: ClientModeName): { readonly queue: string; readonly pair?: string } {
  const queue = mode.toLowerCase()
  return CLIENT_MODES[mode].groups ? { queue, pair: `${queue}-pair` } : { queue }
}

/** Several checks wait out the visibility timeout, so it is short. */
const RETRY = { visibilityTimeout: '3s' }
const TWO_GROUPS = [{ name: 'workers' }, { name: 'audit' }]

/** The Queues of these modes, as one manifest. JSON is YAML too. */
export function manifestsOf(modes: readonly ClientModeName[]): string {
  const documents = modes.flatMap((mode) => {
    const spec = { ...CLIENT_MODES[mode].spec, retry: RETRY }
    const { queue, pair } = queuesOf(mode)
    return [
      manifest(queue, spec),
      ...(pair === undefined ? [] : [manifest(pair, { ...spec, consumerGroups: TWO_GROUPS })]),
    ]
  })
  return documents.map((document) => JSON.stringify(document)).join('\n---\n')
}

const manifest = (name: string, spec: object): object => ({
  apiVersion: API_VERSION,
  kind: 'Queue',
  metadata: { name },
  spec,
})
