/** One internal JetStream consumer of a group. */
export interface Lane {
  /** Unique in its group; part of the consumer's name. */
  readonly name: string
  /** The subject whose messages the lane delivers. */
  readonly filterSubject: string
  /** Messages that may be in flight at once. */
  readonly maxAckPending: number
}

/** How a Queue's stream takes messages in. */
export interface StreamShape {
  /** No wider than the mode allows, so that a publish that no lane would deliver is refused. */
  readonly subjects: readonly string[]
  /** What a message's subject is stored as, where that differs from what it was published to. */
  readonly transform?: { readonly src: string; readonly dest: string }
}

/**
 * Bounds what a crash delivers again and what settles out of order; far above what consumers prefetch, so that it is the
 * consumers who say how much is in flight.
 */
export const MAX_IN_FLIGHT = 50_000
