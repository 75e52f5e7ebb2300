import type { StreamInfo } from '@nats-io/jetstream'
import { settlementStream, settlementSubject } from '../../crds/protocol/subjects.ts'
import type { JetStreamAccess } from '../jetstream/access.ts'
import { readAll } from '../jetstream/read.ts'
import { decodeRecord, encodeRecord, type SettlementRecord } from './record.ts'

/** Records fetched by one direct-get request. */
const READ_BATCH = 500

/** The settlement log of one Queue, a stream beside the queue's. */
export class SettlementLog {
  readonly #js: JetStreamAccess
  readonly #stream: string
  readonly #subject: string
  /** Records since the last snapshot. */
  #length = 0
  #lastAt = 0

  constructor(js: JetStreamAccess, queue: string) {
    this.#js = js
    this.#stream = settlementStream(queue)
    this.#subject = settlementSubject(queue)
  }

  get length(): number {
    return this.#length
  }

  /** When the last record that is stored was made, of those that speak of the queue's stream; 0: there is none. Milliseconds since 1970. */
  get lastAt(): number {
    return this.#lastAt
  }

  /** Resolves when the record is stored as durably as the broker stores anything. Throws when the broker did not confirm it. */
  async append(record: SettlementRecord): Promise<void> {
    await this.#js.client.publish(this.#subject, encodeRecord(record))
    this.#length++
    this.#lastAt = record.at
  }

  /** Writes a record that says everything, then removes the ones before it. */
  async compact(snapshot: SettlementRecord): Promise<void> {
    const { seq } = await this.#js.client.publish(this.#subject, encodeRecord(snapshot))
    await this.#js.manager.streams.purge(this.#stream, { seq })
    this.#length = 1
    this.#lastAt = snapshot.at
  }

  /**
   * The records that speak of the queue's stream as created at `created`, oldest first, from the last snapshot on: after a loss of power
   * there may be earlier ones again, of messages whose numbers others have now.
   */
  async read(info: StreamInfo, created: string): Promise<SettlementRecord[]> {
    const records: SettlementRecord[] = []
    const { first_seq: first, last_seq: last } = info.state
    for await (const message of readAll(this.#js, this.#stream, { first, last, batch: READ_BATCH })) {
      const record = decodeRecord(message.string())
      if (record !== undefined && record.stream === created) records.push(record)
    }
    this.#length = records.length
    this.#lastAt = records.at(-1)?.at ?? 0
    return records.slice(
      Math.max(
        0,
        records.findLastIndex(({ accounts }) => accounts !== undefined),
      ),
    )
  }
}
