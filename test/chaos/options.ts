import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'

export const USAGE = `npm run chaos -- [--seed S] [--kills N] [--power-cuts] [--json]

Publishes to Queues of every mode, consumes, fails, delays, expires, redrives and moves messages, and kills the sidecar and
nats-server at random moments; then it looks for what is lost, doubled or unaccounted for. Needs no Kubernetes.

  --seed S    a whole number; the same seed makes the same decisions. Default: a random one, which is printed
  --kills N   kills, 1 to 10000; default 50
  --power-cuts  cuts the power of the disk instead: what was not on it is gone (root on Linux)
  --json      the result as one JSON object
`

export interface ChaosOptions {
  readonly seed: number
  readonly kills: number
  readonly powerCuts: boolean
  readonly json: boolean
}

/** Wrong arguments. */
export class UsageError extends Error {}

/** Throws UsageError. */
export function readOptions(args: readonly string[]): ChaosOptions {
  const { seed, kills, 'power-cuts': powerCuts, json } = parse(args)
  return {
    seed: seed === undefined ? randomInt(2 ** 31) : whole('--seed', seed, 0, 2 ** 32 - 1),
    kills: kills === undefined ? 50 : whole('--kills', kills, 1, 10_000),
    powerCuts: powerCuts === true,
    json: json === true,
  }
}

function parse(args: readonly string[]): { seed?: string; kills?: string; 'power-cuts'?: boolean; json?: boolean } {
  try {
    return parseArgs({
      args: [...args],
      options: {
        seed: { type: 'string' },
        kills: { type: 'string' },
        'power-cuts': { type: 'boolean' },
        json: { type: 'boolean' },
      },
    }).values
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

function whole(name: string, text: string, min: number, max: number): number {
  const value = Number(text)
  if (Number.isInteger(value) && value >= min && value <= max && text.trim() !== '') return value
  throw new UsageError(`${name} is "${text}"; it has to be a whole number from ${min} to ${max}`)
}
