/** What is measured of each mode: its part of the manifest, and where message number `n` is published to. */
interface BenchMode {
  readonly spec: object
  readonly subject: (n: number) => string
}

const KEYS = 1000
const LEVELS = 10
const SUB_QUEUES = 50

export const BENCH_MODES: Readonly<Record<BenchModeName, BenchMode>> = {
  Fifo: { spec: { ordering: { mode: 'Fifo' } }, subject: () => 'q.bench' },
  KeyedFifo: {
    spec: { ordering: { mode: 'KeyedFifo', keyedFifo: { partitions: 64 } } },
    subject: (n) => `q.bench.k${n % KEYS}`,
  },
  Priority: {
    spec: { ordering: { mode: 'Priority', priority: { levels: LEVELS } } },
    subject: (n) => `q.bench.${n % LEVELS}`,
  },
  // Each message has a key of its own: one of the same key would take its place.
  Lru: { spec: { ordering: { mode: 'Lru' } }, subject: (n) => `q.bench.k${n}` },
  Hierarchical: { spec: { type: 'Hierarchical' }, subject: (n) => `q.bench.a${n % 5}.b${n % SUB_QUEUES}` },
}

export type BenchModeName = 'Fifo' | 'KeyedFifo' | 'Priority' | 'Lru' | 'Hierarchical'

/** Where messages are published to in a mode, or on raw JetStream. */
export const subjectOf = (side: string): ((n: number) => string) => {
  const mode = Object.entries(BENCH_MODES).find(([name]) => name === side)?.[1]
  return mode === undefined ? () => 'q.bench' : mode.subject
}
