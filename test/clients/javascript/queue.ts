import { setTimeout as delay } from 'node:timers/promises'
import {
  type Consumer,
  type JetStreamClient,
  type JetStreamManager,
  type JsMsg,
  jetstream,
  type PubAck,
} from '@nats-io/jetstream'
import { headers, type NatsConnection } from '@nats-io/transport-node'
import type { Traits } from '../traits.ts'
import { expect } from './check.ts'

/** One Queue as a stock client sees it. */
export class Queue {
  readonly js: JetStreamClient
  readonly jsm: JetStreamManager
  readonly consumer: Consumer
  readonly run = `js-${Date.now()}`
  /** Milliseconds. */
  readonly visibilityTimeout: number
  readonly connection: NatsConnection
  readonly name: string
  readonly group: string
  readonly traits: Traits

  private constructor(
    connection: NatsConnection,
    name: string,
    group: string,
    traits: Traits,
    opened: { js: JetStreamClient; jsm: JetStreamManager; consumer: Consumer; visibilityTimeout: number },
  ) {
    this.connection = connection
    this.name = name
    this.group = group
    this.traits = traits
    this.js = opened.js
    this.jsm = opened.jsm
    this.consumer = opened.consumer
    this.visibilityTimeout = opened.visibilityTimeout
  }

  static async open(connection: NatsConnection, name: string, group: string, traits: Traits): Promise<Queue> {
    const js = jetstream(connection)
    const jsm = await js.jetstreamManager()
    const consumer = await js.consumers.get(name, group)
    const { config } = await consumer.info()
    return new Queue(connection, name, group, traits, {
      js,
      jsm,
      consumer,
      visibilityTimeout: (config.ack_wait ?? 0) / 1e6,
    })
  }

  #place(n: number, place: number): Traits['places'][number] {
    const { places } = this.traits
    const { publish, stored } = places[place % places.length] ?? { publish: '', stored: '' }
    const fill = (template: string): string => template.replace('{queue}', this.name).replace('{n}', String(n))
    return { publish: fill(publish), stored: fill(stored) }
  }

  /** The subject that message `n` is found under. */
  stored(n: number): string {
    return this.#place(n, n).stored
  }

  body(check: string, n: number): string {
    return `${this.run} ${check} ${n}`
  }

  /** Publishes message `n` of a check to its place, or to another. */
  async publishOne(check: string, n: number, { place = n }: { place?: number } = {}): Promise<PubAck> {
    const body = this.body(check, n)
    const custom = headers()
    custom.set('Trace', `t${n}`)
    return this.js.publish(this.#place(n, place).publish, body, { msgID: body, headers: custom })
  }

  /** Publishes messages 0 … count-1, or from another on. */
  async publish(count: number, check: string, { from = 0 }: { from?: number } = {}): Promise<void> {
    for (let n = from; n < from + count; n++) await this.publishOne(check, n)
  }

  /** Fetch style: what one pull brings. */
  async fetch(count: number, expires = 2000): Promise<JsMsg[]> {
    const messages: JsMsg[] = []
    const idle_heartbeat = Math.max(500, Math.min(1000, expires / 2))
    for await (const message of await this.consumer.fetch({ max_messages: count, expires, idle_heartbeat }))
      messages.push(message)
    return messages
  }

  /** The next message, which has to come within a minute. */
  async next(): Promise<JsMsg> {
    const message = await this.consumer.next({ expires: 60_000 })
    if (message === null) throw new Error('no message came within a minute')
    return message
  }

  /** Fetches and acknowledges `count` messages, as many pulls as it may take. */
  async take(count: number): Promise<JsMsg[]> {
    const taken: JsMsg[] = []
    for (let pulls = 0; taken.length < count && pulls < 30; pulls++) {
      for (const message of await this.fetch(count - taken.length)) {
        message.ack()
        taken.push(message)
      }
    }
    expect('messages that came', taken.length, count)
    return taken
  }

  /** Expects that `second` is `first` again, after one delivery that failed. */
  expectAgain(first: JsMsg, second: JsMsg): void {
    expect('body', second.string(), first.string())
    if (this.traits.failed === 'tail') {
      expect('header Pillion-Attempts', second.headers?.get('Pillion-Attempts'), '1')
      expect('a later seq', second.seq > first.seq, true)
    } else {
      expect('seq', second.seq, first.seq)
      expect('count', second.info.deliveryCount, 2)
    }
  }

  /** Expects that these messages, the first of `total`, came in the order that the mode promises. */
  expectOrder(messages: readonly JsMsg[], total: number): void {
    const numbers = messages.map(numberOf)
    const { order, places } = this.traits
    if (order !== null) {
      expect('order', numbers, order.filter((n) => n < total).slice(0, numbers.length))
      return
    }
    for (let place = 0; place < places.length; place++) {
      const own = numbers.filter((n) => n % places.length === place)
      expect(
        `order in place ${place}`,
        own,
        own.map((_, index) => place + index * places.length),
      )
    }
  }

  async untilSettled(): Promise<void> {
    for (let tries = 0; ; tries++) {
      const { num_pending, num_ack_pending } = await this.consumer.info()
      if (num_pending === 0 && num_ack_pending === 0) return
      if (tries === 100) throw new Error(`num_pending stays ${num_pending}, num_ack_pending ${num_ack_pending}`)
      await delay(100)
    }
  }

  async messagesOf(stream: string): Promise<number> {
    return (await this.jsm.streams.info(stream)).state.messages
  }

  /** Leaves nothing behind. */
  async drain(): Promise<void> {
    for (let quiet = 0; quiet < 2; quiet++) {
      for (const message of await this.fetch(100, 4000)) {
        message.ack()
        quiet = 0
      }
    }
  }
}

/** The number of a message within its check. */
export const numberOf = (message: JsMsg): number => Number(message.string().split(' ').at(-1))
