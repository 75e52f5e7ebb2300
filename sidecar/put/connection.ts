import { connect, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import { CONNECT_TIMEOUT_MS, RETRY_MS } from '../wire/reaching.ts'
import { type Frame, Frames } from './frames.ts'
import { Outgoing } from './outgoing.ts'

const DEFAULT_PORT = 4222

export interface ConnectionOptions {
  readonly url: string
  readonly user: string
  readonly password: string
}

export interface Subscription {
  readonly subject: string
  readonly queueGroup?: string
}

export interface ConnectionHandler {
  message(frame: Frame): void
  /** All of what came at once was handed over. */
  received(): void
  /** What was sent and not answered may have been heard or not. */
  lost(): void
}

/**
 * A connection to nats-server for publishes only, of which there may be a hundred thousand a second: messages come in and go out as the bytes
 * that they are. What is sent while it is down is dropped, so that nothing goes out after it was given up.
 */
export class Connection {
  readonly outgoing = new Outgoing((bytes) => void (this.#connected && this.#socket?.write(bytes)))
  readonly #options: ConnectionOptions
  readonly #subscriptions: readonly Subscription[]
  readonly #handler: ConnectionHandler
  readonly #logger: Logger
  readonly #stopping = new AbortController()
  #socket: Socket | undefined
  #connected = false
  #pong: (() => void) | undefined

  constructor(
    options: ConnectionOptions,
    subscriptions: readonly Subscription[],
    handler: ConnectionHandler,
    logger: Logger,
  ) {
    this.#options = options
    this.#subscriptions = subscriptions
    this.#handler = handler
    this.#logger = logger
  }

  get isConnected(): boolean {
    return this.#connected
  }

  /** What the system has not taken yet. Bytes. */
  get unsentBytes(): number {
    return this.#socket?.writableLength ?? 0
  }

  /** Connects, again and again, until it is closed. */
  start(): void {
    void this.#run()
  }

  /** Takes nothing new, and resolves when all that came before was handed over. */
  async unsubscribe(): Promise<void> {
    if (!this.#connected) return
    const heard = Promise.withResolvers<void>()
    this.#pong = heard.resolve
    this.#send(`${this.#subscriptions.map((_, index) => `UNSUB ${index + 1}\r\n`).join('')}PING\r\n`)
    await Promise.race([heard.promise, delay(CONNECT_TIMEOUT_MS, undefined, { ref: false })])
  }

  close(): void {
    this.#stopping.abort()
    this.outgoing.flush()
    this.#socket?.end()
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      await this.#session()
      await delay(RETRY_MS, undefined, { ref: false })
    }
  }

  /** Resolves when the connection has ended. */
  #session(): Promise<void> {
    const { hostname, port } = new URL(this.#options.url)
    const socket = connect({ host: hostname, port: Number(port || DEFAULT_PORT), noDelay: true })
    this.#socket = socket
    const timeout = setTimeout(() => socket.destroy(), CONNECT_TIMEOUT_MS)
    const frames = new Frames({
      message: (frame) => this.#handler.message(frame),
      line: (text) => {
        if (text.startsWith('PING')) socket.write('PONG\r\n')
        else if (text.startsWith('INFO ')) this.#greet(socket)
        else if (text.startsWith('-ERR'))
          this.#logger.warn({ said: text }, 'nats-server refused what was sent for publishers')
        else if (text.startsWith('PONG')) {
          clearTimeout(timeout)
          this.#connected = true
          this.#pong?.()
        }
      },
    })
    socket.on('data', (chunk: Buffer) => {
      frames.push(chunk)
      this.#handler.received()
      this.outgoing.flush()
    })
    return new Promise((ended) => {
      socket.on('error', (error) => this.#logger.debug({ err: error }, 'the connection for publishes failed'))
      socket.once('close', () => {
        clearTimeout(timeout)
        this.outgoing.flush()
        this.#connected = false
        this.#pong = undefined
        this.#handler.lost()
        ended()
      })
    })
  }

  /** nats-server says INFO again where something about it changes. */
  #greet(socket: Socket): void {
    if (this.#connected) return
    const { user, password: pass } = this.#options
    const hello = { user, pass, name: 'pillion-sidecar-put', lang: 'node', version: '1', protocol: 1 }
    socket.write(
      `CONNECT ${JSON.stringify({ ...hello, verbose: false, pedantic: false, headers: true, no_responders: true })}\r\n`,
    )
    const names = this.#subscriptions.map(
      ({ subject, queueGroup }, index) =>
        `SUB ${subject}${queueGroup === undefined ? '' : ` ${queueGroup}`} ${index + 1}\r\n`,
    )
    socket.write(`${names.join('')}PING\r\n`)
  }

  #send(text: string): void {
    this.outgoing.text(text)
    this.outgoing.flush()
  }
}
