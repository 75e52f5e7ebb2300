import type { Delivery } from '../ledger.ts'

/** A delivery, and what the ledger knows of its message. */
export interface Arrival extends Delivery {
  /** Which message of the run, from 0. */
  readonly index: number
  /** Its key, level or sub-queue, as the routing of the run numbers them. */
  readonly route: number
  /** Whether the message had not been delivered before. */
  readonly first: boolean
  /** Whether it was published more than once: then where its first copy went is not known. */
  readonly republished: boolean
}

export interface OrderCounts {
  /** Breaches of the order that the mode promises. */
  readonly orderViolations: number
  /** Deliveries that could have shown a breach, since there was something to compare them with: 0 means that nothing was checked. */
  readonly orderChecked: number
  /** Exclusive: deliveries to one consumer while another was the active one. */
  readonly overlaps?: number
}

/** Is told of what a pull brought, at most once a message. */
export type Judge = (arrival: Arrival, now: number) => void

/**
 * Checks the order of one mode, from what producers and consumers see. Pure: times are monotonic milliseconds that the caller gives.
 *
 * From outside only causes are certain: what had arrived before a pull was sent was delivered before what that pull brought. Two
 * deliveries on two connections, neither of which was asked for after the other had arrived, may have been made in either order.
 * So a check compares a delivery with what was known when its pull was sent, and accuses only where no order of the rest would do.
 */
export interface OrderCheck {
  /** A message is sent for the first time. */
  sent?(index: number, now: number): void
  /** Its PubAck came. */
  stored?(index: number, sequence: number, now: number): void
  /** A newer message took its place. */
  replaced?(index: number, now: number): void
  /** A pull for one message is about to be sent by `consumer`. */
  pulled(consumer: number, now: number): Judge
  /** The acknowledgement of what arrived at `consumer` is about to be sent. */
  answered?(consumer: number, arrival: Arrival, now: number): void
  /** `consumer` is gone, with what it held. */
  vanished?(consumer: number): void
  /** The broker was away, in whole or in part: what it delivered last it may have forgotten. */
  disturbed?(now: number): void
  counts(): OrderCounts
}
