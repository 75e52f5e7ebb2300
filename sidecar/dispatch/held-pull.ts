import { headers, type NatsConnection } from '@nats-io/transport-node'
import type { PullRequest } from '../wire/pull-request.ts'

/**
 * From the last grant to the end of a pull that we tell its client of: what was granted is on its way past us, and a client that
 * hears of the end first does not wait for it. Milliseconds.
 */
const GRACE_MS = 30

/** A client's pull that the sidecar holds, since its group has several lanes. */
export interface HeldPull {
  readonly id: number
  readonly request: PullRequest
  readonly reply: string
  /** Monotonic milliseconds; infinity where the pull named no end. */
  expiresAt: number
  /** Messages that it is still to be given. */
  left: number
  /** When its client was last known to listen. */
  aliveAt: number
  /** When it was last given something. */
  grantedAt: number
  /** When the next heartbeat is due; infinity where none are wanted. */
  heartbeatAt: number
}

export const holdPull = (id: number, request: PullRequest, reply: string, now: number): HeldPull => ({
  id,
  request,
  reply,
  expiresAt: request.expiresMs === undefined ? Number.POSITIVE_INFINITY : now + request.expiresMs,
  left: request.batch,
  aliveAt: now,
  grantedAt: Number.NEGATIVE_INFINITY,
  heartbeatAt: request.heartbeatMs > 0 ? now + request.heartbeatMs : Number.POSITIVE_INFINITY,
})

/** When the pull ends; later than it asked for where it was given something just before. */
export const endsAt = ({ expiresAt, grantedAt }: HeldPull): number => Math.max(expiresAt, grantedAt + GRACE_MS)

/** The statuses that nats-server itself answers a pull with. */
export const sayNoMessages = (connection: NatsConnection, reply: string): void =>
  connection.publish(reply, undefined, { headers: headers(404, 'No Messages') })

export const sayBadRequest = (connection: NatsConnection, reply: string, why: string): void =>
  connection.publish(reply, undefined, { headers: headers(400, `Bad Request - ${why}`) })

export function sayRequestTimeout(connection: NatsConnection, { reply, left, request }: HeldPull): void {
  const status = headers(408, 'Request Timeout')
  status.set('Nats-Pending-Messages', String(left))
  status.set('Nats-Pending-Bytes', String(request.maxBytes))
  connection.publish(reply, undefined, { headers: status })
}

/** @param probe where nats-server says that nobody listens at `reply` any more */
export const sayHeartbeat = (connection: NatsConnection, reply: string, probe: string): void =>
  connection.publish(reply, undefined, { headers: headers(100, 'Idle Heartbeat'), reply: probe })
