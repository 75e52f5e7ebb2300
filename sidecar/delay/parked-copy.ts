import { type MsgHdrs, MsgHdrsImpl } from '@nats-io/transport-node'
import type { QueueSpec } from '../../crds/index.ts'
import type { StoredMessage } from '../jetstream/stored-message.ts'
import { movesToTail } from '../lanes/lanes.ts'
import { copyHeader, headerValue, producersId, repeatedHeaders } from '../settlement/copied-headers.ts'
import { storedHeader } from './headers.ts'
import { fits } from './publish.ts'
import { ttlLeft } from './ttl.ts'

export interface ParkedCopy {
  readonly headers: MsgHdrs
  readonly data: Uint8Array
  /** The same message parked twice is stored once. */
  readonly msgID: string
}

export interface Parking {
  readonly queue: string
  readonly spec: QueueSpec
  /** When the Queue's stream was created. */
  readonly created: string
  /** Deliveries so far. */
  readonly attempts: number
  /** Milliseconds since 1970. */
  readonly due: number
}

/**
 * What is stored of a message of the Queue that waits out a backoff elsewhere; of one that stays in the Queue meanwhile, without
 * its body. Undefined where it would end before it came back, or be larger then than the Queue takes. Pure.
 */
export function parkedCopy(message: StoredMessage, parking: Parking): ParkedCopy | undefined {
  const { queue, spec, created, attempts, due } = parking
  const staysThere = movesToTail(spec)
  const headers = staysThere ? new MsgHdrsImpl() : repeatedHeaders(message.headers)
  const id = producersId(message.headers)
  if (id !== undefined) headers.set(copyHeader.messageId, id)
  headers.delete(copyHeader.delayedSequence)
  headers.set(copyHeader.attempts, String(attempts))
  headers.set(storedHeader.due, String(due))
  headers.set(storedHeader.subject, message.subject)
  const storedAt = message.time.getTime()
  headers.set(storedHeader.parked, `${message.seq} ${created} ${storedAt}`)
  const ttl = headerValue(message.headers, 'Nats-TTL')
  if (ttl !== undefined) {
    const left = ttlLeft(ttl, due - message.time.getTime())
    if (left === undefined) return undefined
    headers.set(storedHeader.ttl, left)
  }
  if (!fits(spec, message.data.length, headers)) return undefined
  const data = staysThere ? new Uint8Array() : message.data
  return { headers, data, msgID: `parked:${queue}:${created}:${message.seq}:${storedAt}` }
}
