/** One internal JetStream consumer of a group. */
export interface Lane {
  /** Unique in its group; part of the consumer's name. */
  readonly name: string
  /** The subject whose messages the lane delivers. */
  readonly filterSubject: string
  /** Messages that may be in flight at once. */
  readonly maxAckPending: number
}
