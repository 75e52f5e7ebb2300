import type { NatsConnection } from '@nats-io/transport-node'
import type { LaneState } from '../queue/lane-state.ts'
import { passOnPull } from '../queue/pull.ts'

/** A pull that takes no message, whatever there is: none is so small. It ends by itself after a nanosecond. */
const PULL_OF_NOTHING = JSON.stringify({ batch: 1, max_bytes: 1, expires: 1 })
/** Nobody listens here: nothing would be delivered to it either way. */
const NOBODY = 'PILLION.NOBODY'

/**
 * Has JetStream look whether a lane can go on. A purge that takes messages in flight frees their places, and nats-server 2.15 goes on by
 * that only with the next pull or publish (`consumer.purge` signals nothing, nor does an acknowledgement of what is gone), though a
 * pull waits that would be served.
 */
export function wake(connection: NatsConnection, stream: string, consumer: string): void {
  passOnPull(connection, stream, consumer, { data: PULL_OF_NOTHING, reply: NOBODY })
}

/**
 * Whether a pull may wait at JetStream for a place in a lane. Where pulls are handed out to lanes, only one that has a single place is
 * asked for more than it may have room for. Pure.
 */
export const mayWait = ({ spread }: LaneState): boolean =>
  spread?.flow === undefined || (spread.flow.single && spread.flow.inFlight > 0)
