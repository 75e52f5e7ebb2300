import {
  type ConsumerInfo,
  jetstream,
  jetstreamManager,
  type JetStreamManager,
  type StreamInfo,
} from '@nats-io/jetstream'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import {
  API_PREFIX,
  deadLetterStream,
  laneConsumer,
  settlementStream,
  TRANSACTION_STREAM,
} from '../../../crds/protocol/subjects.ts'
import type { JetStreamAccess } from '../../../sidecar/jetstream/access.ts'
import { nextOf, storedMessage } from '../../../sidecar/jetstream/stored-message.ts'
import { decodeRecord, type SettlementRecord } from '../../../sidecar/settlement/record.ts'
import { CONNECT_MS, SIDECAR_PASSWORD } from './nats.ts'

/** A look at the broker's streams with the sidecar's permissions, and a hand to change them behind its back. */
export class Admin {
  readonly connection: NatsConnection
  readonly manager: JetStreamManager

  get #access(): JetStreamAccess {
    const { connection, manager } = this
    return { connection, manager, client: jetstream(connection), timeoutMs: 20_000 }
  }

  private constructor(connection: NatsConnection, manager: JetStreamManager) {
    this.connection = connection
    this.manager = manager
  }

  static async connect(url: string): Promise<Admin> {
    const connection = await connect({
      servers: url,
      user: 'sidecar',
      pass: SIDECAR_PASSWORD,
      name: 'test-admin',
      timeout: CONNECT_MS,
      maxReconnectAttempts: -1,
      reconnectTimeWait: 50,
      reconnectJitter: 0,
    })
    return new Admin(
      connection,
      await jetstreamManager(connection, { apiPrefix: API_PREFIX, checkAPI: false, timeout: 20_000 }),
    )
  }

  stream(name: string): Promise<StreamInfo> {
    return this.manager.streams.info(name)
  }

  /**
   * Removes what Queues have, and empties what names of the broker's own come again for: nats-server may still be deleting a stream
   * when it is to make it anew.
   */
  async clear(): Promise<void> {
    const { streams } = this.manager
    for (const stream of await this.streamNames())
      await (stream.startsWith('PILLION_') ? streams.purge(stream) : streams.delete(stream))
  }

  async streamNames(): Promise<string[]> {
    const names: string[] = []
    for await (const { config } of this.manager.streams.list()) names.push(config.name)
    return names.toSorted()
  }

  /** Words of transactions that have not been cleared; one that is leaves a word that says nothing, for a moment. */
  async transactionWords(): Promise<number> {
    let count = 0
    for (let next = 1; ; ) {
      const message = await nextOf(this.#access, TRANSACTION_STREAM, '>', next)
      if (message === undefined) return count
      next = message.seq + 1
      if (message.data.length > 0) count++
    }
  }

  lane(queue: string, group = 'workers'): Promise<ConsumerInfo> {
    return this.manager.consumers.info(queue, laneConsumer(group, 'fifo'))
  }

  /** Every message of a stream, oldest first. */
  async messages(stream: string): Promise<StoredMessage[]> {
    const { state } = await this.stream(stream)
    const found: StoredMessage[] = []
    for (let sequence = Math.max(1, state.first_seq); sequence <= state.last_seq; sequence++) {
      // Not by the client library, which cannot read every header that a producer can write.
      const message = await storedMessage(this.#access, stream, sequence)
      if (message === undefined) continue
      const { subject, data, headers } = message
      const text = new TextDecoder().decode(data)
      found.push({ sequence, subject, text, data, headers: Object.fromEntries(headers) })
    }
    return found
  }

  deadLetters(queue: string): Promise<StoredMessage[]> {
    return this.messages(deadLetterStream(queue))
  }

  async records(queue: string): Promise<SettlementRecord[]> {
    return (await this.messages(settlementStream(queue))).map(({ text }) => {
      const record = decodeRecord(text)
      if (record === undefined) throw new Error(`not a settlement record: ${text}`)
      return record
    })
  }

  /** The sequences of a Queue's present stream that are on record as ended, in whatever way. */
  async onRecord(queue: string): Promise<(sequence: number) => boolean> {
    const { created } = await this.stream(queue)
    const ended = new Set<number>()
    let floor = 0
    for (const record of await this.records(queue)) {
      if (record.stream !== created) continue
      for (const lane of Object.values(record.lanes)) {
        floor = Math.max(floor, lane.floor ?? 0)
        for (const ranges of [lane.acknowledged, lane.deadLettered, lane.dropped]) {
          for (const [from, to] of ranges ?? []) for (let s = from; s <= to; s++) ended.add(s)
        }
      }
    }
    return (sequence) => sequence <= floor || ended.has(sequence)
  }
}

export interface StoredMessage {
  readonly sequence: number
  readonly subject: string
  readonly text: string
  readonly data: Uint8Array
  readonly headers: Readonly<Record<string, string>>
}
