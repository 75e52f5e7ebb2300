import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { QueueSpec } from '../../crds/index.ts'
import { PUT_SUBJECTS, publishedTo, SIDECAR_QUEUE_GROUP } from '../../crds/protocol/subjects.ts'
import { streamShape } from '../lanes/lanes.ts'
import { mayBeAnswered } from '../wire/inbox.ts'
import { subjectMatches } from '../wire/subject.ts'
import { noRoom } from './answer.ts'
import { Batcher, type Wire } from './batcher.ts'
import { Connection, type ConnectionOptions } from './connection.ts'
import type { Frame } from './frames.ts'
import { askedBy } from './headers.ts'
import { writeNoResponders, writeText } from './publish.ts'

/** Past this many bytes of publishes that are held, further ones are refused at once. */
const MAX_HELD_BYTES = 64 * 1024 * 1024
const SWEEP_MS = 1000
/** For what is under way when the sidecar stops. Milliseconds. */
const STOP_WITHIN_MS = 5000
const STOP_LOOK_MS = 5

/** The Queues of the broker. */
export type PutQueues = ReadonlyMap<string, { readonly spec: QueueSpec }>

/**
 * The publishes of clients of a broker with durability Always, which nats-server's mappings lead here. With durability Interval there are no such
 * mappings, and nothing comes.
 */
export class Puts {
  readonly #queues: PutQueues
  readonly #maxHeldBytes: number
  readonly #connection: Connection
  readonly #wire: Wire
  readonly #batchers = new Map<string, Batcher>()
  readonly #subjects = new Map<string, { readonly spec: QueueSpec; readonly patterns: readonly string[] }>()
  /** Those that something came for. */
  readonly #touched = new Set<Batcher>()
  /** Not below an inbox: no client may name it as its reply, or listen there. */
  readonly #inbox = `PILLION.STORED-PUT.${randomBytes(12).toString('hex')}.`
  readonly #asked = new Map<string, (answer: Frame) => void>()
  #count = 0
  #heldBytes = 0
  #sweeper: NodeJS.Timeout | undefined

  constructor(options: ConnectionOptions, queues: PutQueues, logger: Logger, maxHeldBytes = MAX_HELD_BYTES) {
    this.#queues = queues
    this.#maxHeldBytes = maxHeldBytes
    const subscriptions = [
      ...PUT_SUBJECTS.map((subject) => ({ subject, queueGroup: SIDECAR_QUEUE_GROUP })),
      { subject: `${this.#inbox}*` },
    ]
    const handler = {
      message: (frame: Frame) => this.#message(frame),
      received: () => this.#received(),
      lost: () => this.#lost(),
    }
    this.#connection = new Connection(options, subscriptions, handler, logger)
    const batches = randomBytes(6).toString('base64url')
    this.#wire = {
      out: this.#connection.outgoing,
      logger,
      ask: (heard) => {
        const subject = `${this.#inbox}${(++this.#count).toString(36)}`
        this.#asked.set(subject, heard)
        return subject
      },
      released: (bytes) => {
        this.#heldBytes -= bytes
      },
      batchId: () => `${batches}${(++this.#count).toString(36)}`,
    }
  }

  /** Whether publishes are taken. */
  get isConnected(): boolean {
    return this.#connection.isConnected
  }

  start(): void {
    this.#connection.start()
    this.#sweeper = setInterval(() => this.#sweep(), SWEEP_MS)
  }

  /** Takes no more publishes, and answers those that it has. */
  async stop(): Promise<void> {
    await this.#connection.unsubscribe()
    const until = performance.now() + STOP_WITHIN_MS
    while ([...this.#batchers.values()].some(({ isIdle }) => !isIdle) && performance.now() < until)
      await delay(STOP_LOOK_MS)
    clearInterval(this.#sweeper)
    this.#connection.close()
  }

  #message(frame: Frame): void {
    if (frame.subject.startsWith(this.#inbox)) {
      const heard = this.#asked.get(frame.subject)
      this.#asked.delete(frame.subject)
      heard?.(frame)
      return
    }
    const { headerBytes, payload } = frame
    const subject = publishedTo(frame.subject)
    // What may not be answered is stored as a publish that nobody waits for.
    const reply = mayBeAnswered(frame) ? frame.reply : ''
    const [, name = ''] = subject.split('.', 2)
    if (!this.#takes(name, subject)) return writeNoResponders(this.#wire.out, reply)
    if (this.#heldBytes + payload.length + this.#connection.unsentBytes > this.#maxHeldBytes)
      return writeText(this.#wire.out, reply, noRoom(name))
    const { alone, id } = askedBy(payload, headerBytes)
    const batcher = this.#batcher(name)
    this.#heldBytes += payload.length
    batcher.add({ subject, reply, headerBytes, payload, alone, id })
    this.#touched.add(batcher)
  }

  /** Whether the Queue has such a subject. nats-server would tell us and not the publisher that it has not. */
  #takes(name: string, subject: string): boolean {
    const spec = this.#queues.get(name)?.spec
    if (spec === undefined) return false
    let known = this.#subjects.get(name)
    if (known?.spec !== spec) {
      known = { spec, patterns: streamShape(name, spec).subjects }
      this.#subjects.set(name, known)
    }
    return known.patterns.some((pattern) => pattern === subject || subjectMatches(pattern, subject))
  }

  #batcher(name: string): Batcher {
    const found = this.#batchers.get(name)
    if (found !== undefined) return found
    const made = new Batcher(name, this.#wire)
    this.#batchers.set(name, made)
    return made
  }

  #received(): void {
    for (const batcher of this.#touched) batcher.advance()
    this.#touched.clear()
  }

  #lost(): void {
    this.#asked.clear()
    this.#touched.clear()
    for (const batcher of this.#batchers.values()) batcher.lost()
  }

  #sweep(): void {
    for (const [name, batcher] of this.#batchers) {
      batcher.sweep()
      if (!batcher.isIdle || this.#queues.has(name)) continue
      this.#batchers.delete(name)
      this.#subjects.delete(name)
    }
    this.#connection.outgoing.flush()
  }
}
