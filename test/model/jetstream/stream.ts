import type { WantedConsumer, WantedStream } from '../../../sidecar/jetstream/desired.ts'
import { type Delivery, ModelConsumer, type Pull } from './consumer.ts'

/** A message as the stream has it. */
export interface Stored {
  readonly seq: number
  readonly subject: string
  /** Names the message, and its copies, in the model. */
  readonly id: number
  readonly headers: ReadonlyArray<readonly [key: string, value: string]>
  /** Model milliseconds. */
  readonly at: number
}

/** The server's hint that a message was delivered as often as it may be. */
export interface GivenUpHint {
  readonly consumer: string
  readonly sequence: number
  readonly attempts: number
}

/** A stream with its consumers, as nats-server 2.15 has them on one replica. It has no clock: `now` is set from outside. */
export class ModelStream {
  now = 0
  readonly messages = new Map<number, Stored>()
  readonly consumers = new Map<string, ModelConsumer>()
  readonly onDelivery: (pull: Pull, delivery: Delivery) => void
  givenUp: GivenUpHint[] = []
  last = 0
  readonly #config: WantedStream
  readonly #ids = new Set<string>()

  constructor(config: WantedStream, onDelivery: (pull: Pull, delivery: Delivery) => void) {
    this.#config = config
    this.onDelivery = onDelivery
  }

  /** The lowest sequence that is there, or the next that will be. */
  get first(): number {
    for (const sequence of this.messages.keys()) return sequence
    return this.last + 1
  }

  /** Stores a message that was published to `subject`; undefined where no subject of the stream matches. */
  publish(subject: string, id: number): Stored | undefined {
    if (!this.#config.subjects.some((pattern) => matches(pattern, subject))) return undefined
    return this.#store(this.#transformed(subject), id, [])
  }

  /** A copy of a message that is not there any more. */
  copy(subject: string, id: number, headers: Stored['headers']): Stored {
    return this.#store(this.#transformed(subject), id, headers)
  }

  /** The copy of a message takes its place, unless a newer one of its subject did; the same move made again is taken for made. */
  replace(original: Stored, headers: Stored['headers'], id: string): 'stored' | 'duplicate' | 'refused' {
    if (this.#ids.has(id)) return 'duplicate'
    let latest = 0
    for (const { seq, subject } of this.messages.values()) if (subject === original.subject) latest = seq
    if (latest !== original.seq) return 'refused'
    this.#ids.add(id)
    this.#store(original.subject, original.id, headers)
    return 'stored'
  }

  purge(below: number, filter?: string): void {
    for (const { seq, subject } of this.messages.values()) {
      if (seq < below && (filter === undefined || matches(filter, subject))) this.messages.delete(seq)
    }
    for (const consumer of this.consumers.values()) {
      if (filter === undefined) consumer.purged(this.first)
      else if (filter === consumer.filter) consumer.purged(this.nextOf(filter, 1)?.seq ?? this.last + 1)
    }
  }

  delete(sequence: number): void {
    if (!this.messages.delete(sequence)) return
    for (const consumer of this.consumers.values()) consumer.removed(sequence)
  }

  /** The first message of a filter at `from` or above. */
  nextOf(filter: string, from: number): Stored | undefined {
    for (const message of this.messages.values()) {
      if (message.seq >= from && matches(filter, message.subject)) return message
    }
    return undefined
  }

  /** How many there are of a filter at `from` or above: all, or those up to a sequence or of an age. Model milliseconds. */
  count(filter: string, from: number, late?: { readonly through: number; readonly age: number }): number {
    let count = 0
    for (const { seq, subject, at } of this.messages.values()) {
      const isCounted = late === undefined || seq <= late.through || at + late.age <= this.now
      if (seq >= from && isCounted && matches(filter, subject)) count++
    }
    return count
  }

  list(filter: string, after: number, through: number): number[] {
    const found: number[] = []
    for (const { seq, subject } of this.messages.values())
      if (seq > after && seq <= through && matches(filter, subject)) found.push(seq)
    return found
  }

  /** The consumer, made where it is not there; then from `start` on. */
  ensure(config: WantedConsumer, start: number): { readonly consumer: ModelConsumer; readonly created: boolean } {
    const known = this.consumers.get(config.durable_name)
    if (known !== undefined) return { consumer: known, created: false }
    const consumer = new ModelConsumer(this, config, start)
    this.consumers.set(consumer.name, consumer)
    return { consumer, created: true }
  }

  get nextAt(): number {
    let next = Number.POSITIVE_INFINITY
    for (const consumer of this.consumers.values()) next = Math.min(next, consumer.nextAt)
    return next
  }

  advance(): void {
    for (const consumer of this.consumers.values()) consumer.advance()
  }

  crash(lucky: boolean): void {
    for (const consumer of this.consumers.values()) consumer.crash(lucky)
  }

  #store(subject: string, id: number, headers: Stored['headers']): Stored {
    const message = { seq: ++this.last, subject, id, headers, at: this.now }
    this.messages.set(message.seq, message)
    const most = this.#config.max_msgs_per_subject ?? -1
    if (most > 0) {
      const same = [...this.messages.values()].filter((other) => other.subject === subject)
      for (const { seq } of same.slice(0, Math.max(0, same.length - most))) this.delete(seq)
    }
    for (const consumer of this.consumers.values()) if (matches(consumer.filter, subject)) consumer.deliver()
    return message
  }

  /** `{{partition(n,1)}}` and `{{wildcard(1)}}` of the wildcard in `src`, or a literal. */
  #transformed(subject: string): string {
    const transform = this.#config.subject_transform
    if (transform?.src === undefined || !matches(transform.src, subject)) return subject
    const token = subject.slice(transform.src.length - 1)
    return transform.dest
      .replace(/\{\{partition\((\d+),1\)\}\}/, (_, count: string) => String(hash(token) % Number(count)))
      .replace('{{wildcard(1)}}', token)
  }
}

/** `*` stands for one name. */
export function matches(pattern: string, subject: string): boolean {
  if (pattern === '>') return true
  if (!pattern.includes('*')) return pattern === subject
  const names = subject.split('.')
  const wanted = pattern.split('.')
  return names.length === wanted.length && wanted.every((name, index) => name === '*' || name === names[index])
}

const hash = (text: string): number => Array.from(text).reduce((sum, c) => (sum * 31 + c.charCodeAt(0)) % 65_521, 7)
