import { createInbox, type Msg, type NatsConnection } from '@nats-io/transport-node'
import { PATIENCE_MS } from './wait.ts'

/** A message as it came to a consumer. */
export class Delivery {
  readonly text: string
  /** In the stream, from 1. */
  readonly sequence: number
  /** Deliveries so far, this one included. */
  readonly attempt: number
  /** When it came; monotonic milliseconds. */
  readonly at = performance.now()
  /** Where its answer goes. */
  readonly reply: string
  readonly #connection: NatsConnection

  constructor(connection: NatsConnection, msg: Msg) {
    this.#connection = connection
    this.reply = msg.reply ?? ''
    const [attempt = 0, sequence = 0] = this.reply.split('.').slice(4).map(Number)
    this.attempt = attempt
    this.sequence = sequence
    this.text = msg.string()
  }

  /** Answers and waits for the word that the answer was taken; the text of that word (empty when all is well). */
  async settle(body = '+ACK', withinMs = PATIENCE_MS): Promise<string> {
    return (await this.#connection.request(this.reply, body, { timeout: withinMs })).string()
  }

  /** Answers without waiting. */
  answer(body = '+ACK'): void {
    this.#connection.publish(this.reply, body)
  }
}

/** What JetStream says in place of a message: 404, 408, 409, 503, … */
export interface Status {
  readonly status: number
  readonly description: string
}

/**
 * Pulls as a client does on the wire, one request at a time, so that a test sees each message, status and reply subject. What
 * stock clients do with it is for the tests that use them.
 */
export class Puller implements AsyncDisposable {
  readonly #connection: NatsConnection
  readonly #subject: string
  readonly #inbox = createInbox()
  readonly #arrived: Array<Delivery | Status> = []
  #wake: () => void = () => undefined

  constructor(connection: NatsConnection, queue: string, group = 'workers') {
    this.#connection = connection
    this.#subject = `$JS.API.CONSUMER.MSG.NEXT.${queue}.${group}`
    connection.subscribe(this.#inbox, {
      callback: (_, msg) => {
        this.#arrived.push(isStatus(msg) ? status(msg) : new Delivery(connection, msg))
        this.#wake()
      },
    })
  }

  get inbox(): string {
    return this.#inbox
  }

  /** Sends a pull with this body and does not wait. */
  request(body: object | string): void {
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    this.#connection.publish(this.#subject, text, { reply: this.#inbox })
  }

  /** What comes next, message or status. Throws when nothing does. */
  async next(withinMs = PATIENCE_MS): Promise<Delivery | Status> {
    const end = performance.now() + withinMs
    for (;;) {
      const first = this.#arrived.shift()
      if (first !== undefined) return first
      const left = end - performance.now()
      if (left <= 0) throw new Error(`nothing came to a pull within ${withinMs} ms`)
      await new Promise<void>((done) => {
        const timer = setTimeout(done, left)
        this.#wake = () => {
          clearTimeout(timer)
          done()
        }
      })
    }
  }

  /** One pull for up to `batch` messages that ends at `expiresMs`; what it brought. As stock clients do, it ends without a word too. */
  async fetch(batch: number, expiresMs = 1000): Promise<Delivery[]> {
    this.request({ batch, expires: expiresMs * 1e6 })
    return this.#collect(batch, expiresMs + 2000)
  }

  /** What is there now: a pull that does not wait. */
  async fetchNow(batch = 1000): Promise<Delivery[]> {
    this.request({ batch, no_wait: true })
    return this.#collect(batch, PATIENCE_MS)
  }

  /** Pulls until exactly `count` messages came. Throws when they do not. */
  async take(count: number, withinMs = PATIENCE_MS): Promise<Delivery[]> {
    const end = performance.now() + withinMs
    const got: Delivery[] = []
    while (got.length < count) {
      if (performance.now() > end) throw new Error(`${got.length} of ${count} messages came within ${withinMs} ms`)
      got.push(...(await this.fetch(count - got.length, 1000)))
    }
    return got
  }

  async one(withinMs = PATIENCE_MS): Promise<Delivery> {
    const [message] = await this.take(1, withinMs)
    if (message === undefined) throw new Error('no message')
    return message
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#connection.close()
  }

  async #collect(batch: number, withinMs: number): Promise<Delivery[]> {
    const got: Delivery[] = []
    while (got.length < batch) {
      const next = await this.next(withinMs).catch(() => undefined)
      if (next === undefined) break
      if ('status' in next) {
        if (next.status === 100) continue
        // 404 nothing, 408 expired, 409 a reason such as a consumer that was deleted, 503 nobody there (yet).
        break
      }
      got.push(next)
    }
    return got
  }
}

const isStatus = (msg: Msg): boolean => msg.data.length === 0 && (msg.headers?.code ?? 0) > 0

const status = (msg: Msg): Status => ({
  status: msg.headers?.code ?? 0,
  description: msg.headers?.description ?? '',
})
