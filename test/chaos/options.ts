import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'

export const USAGE = `npm run chaos -- [tx | put] [--seed S] [--kills N] [--transactions N] [--brokers N] [--power-cuts] [--json]

Publishes to Queues of every mode, consumes, fails, delays, expires, redrives and moves messages, and kills the sidecar and
nats-server at random moments; then it looks for what is lost, doubled or unaccounted for. Needs no Kubernetes.
With tx it makes transactions over three Queues of two brokers, and looks whether each is wholly there or wholly absent.
With put it keeps 1,000 publishes in flight to a broker with durability Always, and compares what publishers were told with what is stored.

  --seed S    a whole number; the same seed makes the same decisions. Default: a random one, which is printed
  --kills N   kills, 1 to 10000; default 50
  --transactions N  with tx: how many, 1 to 100000; default 20 for each kill
  --brokers N  with tx: how many keep the Queues, 1 to 3; default 2
  --power-cuts  cuts the power of the disk instead: what was not on it is gone (root on Linux)
  --json      the result as one JSON object
`

export interface ChaosOptions {
  readonly seed: number
  readonly kills: number
  readonly powerCuts: boolean
  readonly json: boolean
  readonly workload: Workload
  /** How many are made; 0: none, it is another workload. */
  readonly transactions: number
  readonly brokers: number
}

/** What is looked at: the messages of Queues of every mode, transactions, or publishes. */
const WORKLOADS = ['queues', 'tx', 'put'] as const
export type Workload = (typeof WORKLOADS)[number]

/** Wrong arguments. */
export class UsageError extends Error {}

/** Throws UsageError. */
export function readOptions(args: readonly string[]): ChaosOptions {
  const { values, positionals } = parse(args)
  const { seed, kills, transactions, brokers, 'power-cuts': powerCuts = false, json = false } = values
  const workload = workloadOf(positionals)
  const isTx = workload === 'tx'
  if (workload !== 'queues' && powerCuts)
    throw new UsageError(`--power-cuts is not for ${workload}; leave out one of them`)
  for (const [name, value] of Object.entries({ transactions, brokers }))
    if (!isTx && value !== undefined) throw new UsageError(`--${name} is for tx; write tx before it`)
  const killed = kills === undefined ? 50 : whole('--kills', kills, 1, 10_000)
  const made = transactions === undefined ? killed * 20 : whole('--transactions', transactions, 1, 100_000)
  return {
    seed: seed === undefined ? randomInt(2 ** 31) : whole('--seed', seed, 0, 2 ** 32 - 1),
    kills: killed,
    powerCuts,
    json,
    workload,
    transactions: isTx ? made : 0,
    brokers: brokers === undefined ? 2 : whole('--brokers', brokers, 1, 3),
  }
}

function workloadOf(positionals: readonly string[]): Workload {
  if (positionals.length === 0) return 'queues'
  const text = positionals.join(' ')
  const found = WORKLOADS.find((workload) => workload === text && workload !== 'queues')
  if (found === undefined) throw new UsageError(`"${text}" is not known; write tx or put, or nothing`)
  return found
}

const OPTIONS = {
  seed: { type: 'string' },
  kills: { type: 'string' },
  transactions: { type: 'string' },
  brokers: { type: 'string' },
  'power-cuts': { type: 'boolean' },
  json: { type: 'boolean' },
} as const

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], allowPositionals: true, options: OPTIONS })
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

function whole(name: string, text: string, min: number, max: number): number {
  const value = Number(text)
  if (Number.isInteger(value) && value >= min && value <= max && text.trim() !== '') return value
  throw new UsageError(`${name} is "${text}"; it has to be a whole number from ${min} to ${max}`)
}
