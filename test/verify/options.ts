import { parseArgs } from 'node:util'
import { MIN_SIZE } from './message.ts'

export interface VerifierOptions {
  readonly server: string
  readonly queue: string
  readonly group: string
  /** Where to publish; by default `q.<queue>`. */
  readonly subject: string
  readonly messages: number
  /** Each has a connection of its own and sends its numbers in order. */
  readonly producers: number
  /** Each pulls for itself. They share one connection, so that the order of arrival is the order of delivery. */
  readonly consumers: number
  /** Messages a second over all producers; 0: as fast as they are acknowledged. */
  readonly rate: number
  /** Bytes of a body. */
  readonly size: number
  /** Publishes in flight, a producer. */
  readonly window: number
  readonly user: string | undefined
  readonly password: string | undefined
  /** `single`: fire and forget; `double`: waits for the broker's answer to each acknowledgement. */
  readonly ack: 'single' | 'double'
  /** What to do about messages that are not of this run: `refuse` (the run fails) or `ack` (they are consumed and counted). */
  readonly foreign: 'refuse' | 'ack'
  /** The end, in milliseconds, when nothing new was delivered for so long after the last publish. */
  readonly settleMs: number
  /** Publishing is given up, in milliseconds, when no publish was acknowledged for so long. */
  readonly giveUpMs: number
}

/** What the caller has to say, and what it may. */
export type GivenOptions = Pick<VerifierOptions, 'server' | 'queue'> & {
  readonly [K in keyof VerifierOptions]?: VerifierOptions[K] | undefined
}

export function withDefaults(given: GivenOptions): VerifierOptions {
  return {
    server: given.server,
    queue: given.queue,
    group: given.group ?? 'workers',
    subject: given.subject ?? `q.${given.queue}`,
    messages: given.messages ?? 10_000,
    producers: given.producers ?? 1,
    consumers: given.consumers ?? 1,
    rate: given.rate ?? 0,
    size: given.size ?? 256,
    window: given.window ?? 256,
    user: given.user,
    password: given.password,
    ack: given.ack ?? 'single',
    foreign: given.foreign ?? 'refuse',
    settleMs: given.settleMs ?? 90_000,
    giveUpMs: given.giveUpMs ?? 180_000,
  }
}

export class UsageError extends Error {
  override readonly name = 'UsageError'
}

export const USAGE = `npm run verify -- --server <nats url> --queue <name> [options]

Publishes numbered messages with Msg-Ids to a Queue while consuming them, through broker and connection faults, and counts.

  --server <url>       nats://host:port
  --queue <name>       the Queue
  --group <name>       consumer group (workers)
  --subject <subject>  where to publish (q.<queue>)
  --messages <n>       how many, 1 … 100000000 (10000)
  --producers <n>      connections that publish, 1 … 1000 (1)
  --consumers <n>      consumers that compete, on one connection, 1 … 1000 (1)
  --rate <n>           messages a second over all producers; 0: as fast as they are acknowledged (0)
  --size <bytes>       of a body, ${MIN_SIZE} … 8388608 (256)
  --window <n>         publishes in flight, a producer, 1 … 10000 (256)
  --user, --password   credentials
  --ack <kind>         single | double: wait for the broker's answer to each acknowledgement (single)
  --foreign <what>     messages of others: refuse (the run fails) | ack (they are consumed and counted) (refuse)
  --settle <seconds>   ends when nothing new came for so long after the last publish (90)
  --give-up <seconds>  stops publishing when no publish was acknowledged for so long (180)
  --json               one JSON object on standard output

Exit code: 0 all delivered; 1 something acknowledged was lost; 2 the run could not be done or not finished.
`

/** Reads the command line; throws UsageError naming the option. */
export function readOptions(args: readonly string[]): { options: VerifierOptions; json: boolean } {
  const { values } = parse(args)
  const given = {
    server: values.server ?? missing('server'),
    queue: values.queue ?? missing('queue'),
    group: values.group,
    subject: values.subject,
    messages: integer('messages', values.messages, 1, 100_000_000),
    producers: integer('producers', values.producers, 1, 1000),
    consumers: integer('consumers', values.consumers, 1, 1000),
    rate: integer('rate', values.rate, 0, 1_000_000),
    size: integer('size', values.size, MIN_SIZE, 8 * 1024 * 1024),
    window: integer('window', values.window, 1, 10_000),
    ack: choice('ack', values.ack, ['single', 'double']),
    foreign: choice('foreign', values.foreign, ['refuse', 'ack']),
    settleMs: seconds('settle', values.settle),
    giveUpMs: seconds('give-up', values['give-up']),
    user: values.user,
    password: values.password,
  }
  return { json: values.json ?? false, options: withDefaults(given) }
}

function parse(args: readonly string[]) {
  const string = { type: 'string' } as const
  try {
    return parseArgs({
      args: [...args],
      options: {
        server: string,
        queue: string,
        group: string,
        subject: string,
        messages: string,
        producers: string,
        consumers: string,
        rate: string,
        size: string,
        window: string,
        user: string,
        password: string,
        ack: string,
        foreign: string,
        settle: string,
        'give-up': string,
        json: { type: 'boolean' },
      },
    })
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error })
  }
}

function missing(name: string): never {
  throw new UsageError(`--${name} is needed`)
}

function integer(name: string, text: string | undefined, min: number, max: number): number | undefined {
  if (text === undefined) return undefined
  const value = Number(text)
  if (text.trim() !== '' && Number.isInteger(value) && value >= min && value <= max) return value
  throw new UsageError(`--${name} is "${text}"; it must be a whole number from ${min} to ${max}`)
}

function seconds(name: string, text: string | undefined): number | undefined {
  const value = integer(name, text, 1, 3600)
  return value === undefined ? undefined : value * 1000
}

function choice<const T extends string>(name: string, text: string | undefined, allowed: readonly T[]): T | undefined {
  if (text === undefined) return undefined
  const found = allowed.find((value) => value === text)
  if (found !== undefined) return found
  throw new UsageError(`--${name} is "${text}"; it must be ${allowed.join(' or ')}`)
}
