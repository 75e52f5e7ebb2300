import { parseArgs } from 'node:util'
import { MIN_SIZE } from './message.ts'
import { type Mode, MODES } from './modes.ts'

export interface VerifierOptions {
  readonly server: string
  readonly queue: string
  readonly group: string
  /** What the Queue is, and so which order is checked. */
  readonly mode: Mode
  /** KeyedFifo and Lru: keys, each producer its own. */
  readonly keys: number
  /** Priority. */
  readonly levels: number
  /** Priority: the Queue's `maxWait`, in milliseconds; infinity where it has none. */
  readonly maxWaitMs: number
  /** Hierarchical. */
  readonly subQueues: number
  /** Priority and Hierarchical: so many milliseconds after its PubAck a message is taken to be known to whoever picks. */
  readonly marginMs: number
  /** One in eight messages is acknowledged so many milliseconds after it came, the others at once. Not where consumers stream. */
  readonly holdMs: number
  /** Consumers that die during the run with a message in hand; others take their places. */
  readonly killConsumers: number
  /** Exclusive: the Queue's, in milliseconds. */
  readonly visibilityTimeoutMs: number
  readonly failoverMs: number
  /** Whether each consumer has a connection of its own and pulls one message at a time, instead of streaming on a shared one. */
  readonly oneByOne: boolean
  /** Where to publish, before what the mode adds; by default `q.<queue>`. */
  readonly subject: string
  readonly messages: number
  /** Each has a connection of its own and sends its numbers in order. */
  readonly producers: number
  /** Each pulls for itself. */
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
  readonly [K in Exclude<keyof VerifierOptions, 'oneByOne'>]?: VerifierOptions[K] | undefined
}

/** What waits behind others in a backlog of seconds is not missed, and a busy machine is not accused. Milliseconds. */
const MARGIN_MS = 100
/** The sidecar makes lanes for sub-queues as they appear, and counts again once a second what it missed meanwhile. Milliseconds. */
const SUB_QUEUE_MARGIN_MS = 1500
/** In these modes consumers hold messages for a while, since what is not allowed meanwhile would hardly be seen else. Milliseconds. */
const HOLD_MS: Partial<Record<Mode, number>> = { KeyedFifo: 20, Exclusive: 20 }

export function withDefaults(given: GivenOptions): VerifierOptions {
  const mode = given.mode ?? 'Fifo'
  const killConsumers = given.killConsumers ?? 0
  return {
    server: given.server,
    queue: given.queue,
    group: given.group ?? 'workers',
    mode,
    keys: given.keys ?? (mode === 'Lru' ? 1000 : 64),
    levels: given.levels ?? 10,
    maxWaitMs: given.maxWaitMs ?? Number.POSITIVE_INFINITY,
    subQueues: given.subQueues ?? 12,
    marginMs: given.marginMs ?? (mode === 'Hierarchical' ? SUB_QUEUE_MARGIN_MS : MARGIN_MS),
    holdMs: given.holdMs ?? HOLD_MS[mode] ?? 0,
    killConsumers,
    visibilityTimeoutMs: given.visibilityTimeoutMs ?? 30_000,
    failoverMs: given.failoverMs ?? 10_000,
    oneByOne: mode !== 'Fifo' || killConsumers > 0,
    subject: given.subject ?? `q.${given.queue}`,
    messages: given.messages ?? 10_000,
    producers: given.producers ?? 1,
    consumers: given.consumers ?? (mode === 'Fifo' ? 1 : 4),
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

Publishes numbered messages with Msg-Ids to a Queue while consuming them, through broker and connection faults, counts, and checks
the order that the Queue's mode promises.

  --server <url>       nats://host:port
  --queue <name>       the Queue
  --group <name>       consumer group (workers)
  --mode <mode>        what the Queue is: ${MODES.join(' | ')} (Fifo)
  --keys <n>           KeyedFifo, Lru: keys a producer, 1 … 100000 (64; Lru 1000)
  --levels <n>         Priority: levels to publish to, 2 … 32 (10)
  --max-wait <seconds> Priority: the Queue's maxWait (none)
  --sub-queues <n>     Hierarchical: sub-queues to publish to, 1 … 256, half of the messages to the first (12)
  --margin <ms>        Priority, Hierarchical: after its PubAck, until a message is taken to be known to whoever picks, 0 … 60000
                       (100; Hierarchical 1500)
  --hold <ms>          one in eight messages is acknowledged only after so long, 0 … 60000 (0; KeyedFifo, Exclusive 20);
                       not in mode Fifo without --kill-consumers
  --kill-consumers <n> so many consumers die during the run with a message in hand, and others take their places, 0 … 1000 (0)
  --visibility-timeout <seconds>  Exclusive: the Queue's (30)
  --failover <seconds>            Exclusive: the Queue's (10)
  --subject <subject>  where to publish, before key, level or path (q.<queue>)
  --messages <n>       how many, 1 … 100000000 (10000)
  --producers <n>      connections that publish, 1 … 1000 (1)
  --consumers <n>      consumers that compete, 1 … 1000 (4; Fifo 1). In mode Fifo they stream, on one connection; in the others, and
                       with --kill-consumers, each has a connection of its own and pulls one message at a time
  --rate <n>           messages a second over all producers; 0: as fast as they are acknowledged (0)
  --size <bytes>       of a body, ${MIN_SIZE} … 8388608 (256)
  --window <n>         publishes in flight, a producer, 1 … 10000 (256)
  --user, --password   credentials
  --ack <kind>         single | double: wait for the broker's answer to each acknowledgement (single)
  --foreign <what>     messages of others: refuse (the run fails) | ack (they are consumed and counted) (refuse)
  --settle <seconds>   ends when nothing new came for so long after the last publish (90)
  --give-up <seconds>  stops publishing when no publish was acknowledged for so long (180)
  --json               one JSON object on standard output

Exit code: 0 all delivered; 1 something acknowledged was lost, or orderViolations or overlaps are not 0; 2 the run could not be done
or not finished.
`

/** Reads the command line; throws UsageError naming the option. */
export function readOptions(args: readonly string[]): { options: VerifierOptions; json: boolean } {
  const { values } = parse(args)
  const given = {
    server: values.server ?? missing('server'),
    queue: values.queue ?? missing('queue'),
    group: values.group,
    mode: choice('mode', values.mode, MODES),
    keys: integer('keys', values.keys, 1, 100_000),
    levels: integer('levels', values.levels, 2, 32),
    maxWaitMs: seconds('max-wait', values['max-wait'], 604_800),
    subQueues: integer('sub-queues', values['sub-queues'], 1, 256),
    marginMs: integer('margin', values.margin, 0, 60_000),
    holdMs: integer('hold', values.hold, 0, 60_000),
    killConsumers: integer('kill-consumers', values['kill-consumers'], 0, 1000),
    visibilityTimeoutMs: seconds('visibility-timeout', values['visibility-timeout'], 43_200),
    failoverMs: seconds('failover', values.failover),
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
        mode: string,
        keys: string,
        levels: string,
        'max-wait': string,
        'sub-queues': string,
        margin: string,
        hold: string,
        'kill-consumers': string,
        'visibility-timeout': string,
        failover: string,
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

function seconds(name: string, text: string | undefined, most = 3600): number | undefined {
  const value = integer(name, text, 1, most)
  return value === undefined ? undefined : value * 1000
}

function choice<const T extends string>(name: string, text: string | undefined, allowed: readonly T[]): T | undefined {
  if (text === undefined) return undefined
  const found = allowed.find((value) => value === text)
  if (found !== undefined) return found
  throw new UsageError(`--${name} is "${text}"; it must be ${allowed.join(' or ')}`)
}
